import com.sun.tools.ws.WsImport;
import com.sun.xml.bind.v2.ContextFactory;
import com.sun.xml.ws.util.RuntimeVersion;
import java.util.Arrays;
import javax.net.ssl.SSLContext;

/** Runs wsimport, which has no word for whom TLS trusts: {@code Proxies FOLDER WORDS…}, with server.pem in FOLDER. */
final class Proxies {
    private Proxies() {}

    public static void main(String[] words) throws Throwable {
        if (words[0].equals("versions")) {
            System.out.println("java " + System.getProperty("java.version"));
            System.out.println("jaxws-ri " + RuntimeVersion.VERSION.BUILD_VERSION);
            System.out.println("jaxb-ri " + ContextFactory.class.getPackage().getImplementationVersion());
            return;
        }
        SSLContext.setDefault(new Folder(words[0]).tls());
        System.exit(WsImport.doMain(Arrays.copyOfRange(words, 1, words.length)));
    }
}
