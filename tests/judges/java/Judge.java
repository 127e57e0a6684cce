import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.Extension;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.PKIXRevocationChecker.Option;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.List;
import java.util.Set;

/**
 * The JDK's own path validation (RFC 5280, 6.1), for one case a line: name, way, anchor, chain, rest; with tabs between.
 *
 * <p>Ways: "path" looks at no revocation, but at the chain at the instant that rest has, in seconds since 1970;
 * "store" takes lists from the file that rest names; "fetch" takes them from where the certificates say, as the old
 * switch has it; "ocsp" and "nonce" ask the responder at the address that rest has, or, where that is "-",
 * at the one in the certificate. Written for each case: its name, and "OK" or the reason for which it is refused.
 */
public final class Judge {
    private static final String NONCE = "1.3.6.1.5.5.7.48.1.2";

    public static void main(String[] arguments) throws Exception {
        System.setProperty("com.sun.security.enableCRLDP", "true");
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] words = line.split("\t");
            System.out.println(words[0] + "\t" + verdict(words[1], words[2], words[3], words[4]));
        }
    }

    private static String verdict(String way, String anchor, String chain, String rest) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        CertPathValidator validator = CertPathValidator.getInstance("PKIX");
        TrustAnchor trusted = new TrustAnchor((X509Certificate) read(factory, anchor).iterator().next(), null);
        CertPath path = factory.generateCertPath(new ArrayList<>(read(factory, chain)));
        PKIXParameters parameters = new PKIXParameters(Set.of(trusted));
        switch (way) {
            case "path" -> {
                parameters.setRevocationEnabled(false);
                parameters.setDate(new Date(Long.parseLong(rest) * 1000));
            }
            case "store" -> {
                parameters.addCertStore(CertStore.getInstance(
                        "Collection", new CollectionCertStoreParameters(lists(factory, rest))));
                parameters.addCertPathChecker(checker(validator, Set.of(Option.PREFER_CRLS, Option.NO_FALLBACK)));
            }
            case "fetch" -> parameters.setRevocationEnabled(true);
            default -> {
                // The CAs that issue to CAs have lists alone.
                PKIXRevocationChecker checker =
                        checker(validator, Set.of(Option.ONLY_END_ENTITY, Option.NO_FALLBACK));
                if (!rest.equals("-")) {
                    checker.setOcspResponder(URI.create(rest));
                }
                if (way.equals("nonce")) {
                    checker.setOcspExtensions(List.of(nonce()));
                }
                parameters.addCertPathChecker(checker);
            }
        }
        try {
            validator.validate(path, parameters);
            return "OK";
        } catch (CertPathValidatorException refused) {
            return refused.getReason() + "\t" + refused.getMessage().replaceAll("\\s+", " ");
        }
    }

    private static PKIXRevocationChecker checker(CertPathValidator validator, Set<Option> options) {
        PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
        checker.setOptions(options);
        return checker;
    }

    private static Collection<? extends Certificate> read(CertificateFactory factory, String file) throws Exception {
        try (InputStream octets = Files.newInputStream(Path.of(file))) {
            return factory.generateCertificates(octets);
        }
    }

    private static Collection<?> lists(CertificateFactory factory, String file) throws Exception {
        try (InputStream octets = Files.newInputStream(Path.of(file))) {
            return factory.generateCRLs(octets);
        }
    }

    /** RFC 9654, 2.1: an OCTET STRING of 32 octets, inside the one that every extension is. */
    private static Extension nonce() {
        byte[] value = new byte[34];
        new SecureRandom().nextBytes(value);
        value[0] = 0x04;
        value[1] = 32;
        return new Extension() {
            @Override
            public String getId() {
                return NONCE;
            }

            @Override
            public boolean isCritical() {
                return false;
            }

            @Override
            public byte[] getValue() {
                return value.clone();
            }

            @Override
            public void encode(OutputStream out) throws IOException {
                byte[] identifier = {0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02};
                out.write(0x30);
                out.write(identifier.length + 2 + value.length);
                out.write(identifier);
                out.write(0x04);
                out.write(value.length);
                out.write(value);
            }
        };
    }
}
