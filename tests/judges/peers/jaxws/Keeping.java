import com.sun.xml.ws.api.message.Packet;
import com.sun.xml.ws.api.pipe.ClientTubeAssemblerContext;
import com.sun.xml.ws.api.pipe.Codec;
import com.sun.xml.ws.api.pipe.TransportTubeFactory;
import com.sun.xml.ws.api.pipe.Tube;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;

/**
 * Keeps every message as it goes over the line, octet for octet, in the folder that the request context names.
 *
 * <p>Handlers see messages as trees, and a tree does not say which octets it was read from. META-INF/services names
 * this class, so JAX-WS RI asks it for the transport; it gets the usual one, with an eye on its encoder and decoder.
 */
public final class Keeping extends TransportTubeFactory {
    /** Where the request context has the {@link Folder}. */
    static final String FOLDER = "keeping.folder";

    private static final int LARGEST_ANSWER = 1 << 20;

    @Override
    public Tube doCreate(ClientTubeAssemblerContext context) {
        if (!Proxy.isProxyClass(context.getCodec().getClass())) { // asked twice for the same port
            context.setCodec(watched(context.getCodec()));
        }
        return createHttpTransport(context);
    }

    private static Codec watched(Codec codec) {
        Class<?>[] faces = {Codec.class};
        return (Codec) Proxy.newProxyInstance(Keeping.class.getClassLoader(), faces, (proxy, method, values) -> {
            try {
                if (method.getName().equals("encode") && values[1] instanceof OutputStream out) {
                    ByteArrayOutputStream octets = new ByteArrayOutputStream();
                    Object type = method.invoke(codec, values[0], octets);
                    Folder folder = folder((Packet) values[0]);
                    folder.keep(folder.nextMessage(), "request", octets.toByteArray());
                    octets.writeTo(out);
                    return type;
                }
                if (method.getName().equals("decode") && values[0] instanceof InputStream in) {
                    byte[] octets = in.readNBytes(LARGEST_ANSWER);
                    Folder folder = folder((Packet) values[2]);
                    folder.keep(folder.nextMessage() - 1, "response", octets);
                    return method.invoke(codec, new ByteArrayInputStream(octets), values[1], values[2]);
                }
                Object result = method.invoke(codec, values);
                return method.getName().equals("copy") ? watched((Codec) result) : result;
            } catch (InvocationTargetException thrown) {
                throw thrown.getCause();
            }
        });
    }

    private static Folder folder(Packet packet) {
        return (Folder) packet.invocationProperties.get(FOLDER);
    }
}
