import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.*;
import java.security.cert.*;
import java.security.interfaces.ECKey;
import java.security.spec.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Callable;
import javax.net.ssl.*;
import javax.security.auth.x500.X500Principal;
import javax.xml.crypto.*;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.*;
import javax.xml.crypto.dsig.keyinfo.*;
import javax.xml.crypto.dsig.spec.*;
import javax.xml.parsers.*;
import javax.xml.transform.*;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import javax.xml.xpath.*;
import org.w3c.dom.*;

/** Gets a certificate and renews it, with nothing but the JDK (17 or newer): {@code java Peer.java enrol …}. */
final class Peer {
    static final String SERVICES = "http://certificates.vero.fi/2017/10/certificateservices";
    static final String SOAP = "http://schemas.xmlsoap.org/soap/envelope/";
    static final String USAGE = "enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY"
            + " | renew FOLDER URL CUSTOMER_ID KEY RECIPE | versions";
    private static final int LARGEST_ANSWER = 1 << 20;

    private final Folder folder;
    private final String url;
    private final String customerId;
    private final HttpClient http;

    private Peer(Folder folder, String url, String customerId) throws Exception {
        this.folder = folder;
        this.url = overTls(url);
        this.customerId = customerId;
        this.http = HttpClient.newBuilder().sslContext(folder.tls()).connectTimeout(Duration.ofSeconds(10)).build();
    }

    public static void main(String[] words) {
        System.exit(Ending.of(() -> {
            String command = words.length == 0 ? "" : words[0];
            if (command.equals("versions")) {
                System.out.println("java " + System.getProperty("java.version"));
            } else if (command.equals("enrol") && words.length == 7) {
                new Peer(new Folder(words[1]), words[2], words[3]).enrol(words[4], words[5], words[6]);
            } else if (command.equals("renew") && words.length == 6) {
                new Peer(new Folder(words[1]), words[2], words[3]).renew(words[4], words[5]);
            } else {
                throw new IllegalArgumentException(USAGE);
            }
            return null;
        }));
    }

    static String overTls(String url) {
        if (!url.startsWith("https://")) {
            throw new IllegalArgumentException("without TLS anybody on the way reads the password");
        }
        return url;
    }

    private void enrol(String transferId, String transferPassword, String kind) throws Exception {
        KeyPair pair = folder.keyPair("key", kind);
        Map<String, String> fields = new LinkedHashMap<>();
        fields.put("TransferId", transferId);
        fields.put("TransferPassword", transferPassword);
        fields.put("CertificateRequest", Base64.getEncoder().encodeToString(Keys.request(pair, customerId)));
        Document request = request("signNewCertificate", fields);
        String retrievalId = folder.retrievalId("retrieval-id",
                () -> Answers.text(call("signNewCertificate", request), "/*/RetrievalId"));
        folder.writeCertificate("certificate.pem", fetch(retrievalId, pair.getPublic()));
        folder.delete("retrieval-id");
    }

    private void renew(String kind, String recipe) throws Exception {
        X509Certificate certificate = folder.certificates("certificate.pem").get(0);
        PrivateKey key = folder.readKey("key.pem", certificate.getPublicKey().getAlgorithm());
        KeyPair next = folder.keyPair("next-key", kind);
        String csr = Base64.getEncoder().encodeToString(Keys.request(next, customerId));
        Document request = request("renewCertificate", Map.of("CertificateRequest", csr));
        Seals.sign(request, key, certificate, recipe);
        String retrievalId = folder.retrievalId("next-retrieval-id",
                () -> Answers.text(call("renewCertificate", request), "/*/RetrievalId"));
        folder.writeCertificate("next-certificate.pem", fetch(retrievalId, next.getPublic()));
        folder.delete("next-retrieval-id");
    }

    private X509Certificate fetch(String retrievalId, PublicKey ours) throws Exception {
        return Answers.patiently(() -> {
            Document answer = call("getCertificate", request("getCertificate", Map.of("RetrievalId", retrievalId)));
            return Keys.certificate(Base64.getMimeDecoder().decode(Answers.text(answer, "/*/Certificate")), ours);
        });
    }

    /** The root element is in the service's namespace, its children are in none; their order is fixed. */
    private Document request(String operation, Map<String, String> fields) throws ParserConfigurationException {
        Document document = Answers.builder().newDocument();
        Element root = document.createElementNS(SERVICES, "cer:" + element(operation, "Request"));
        // DOM adds this by itself only when it writes, and by then the digest has been made without it.
        root.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns:cer", SERVICES);
        document.appendChild(root);
        append(root, "Environment", "TEST");
        append(root, "CustomerId", customerId);
        fields.forEach((name, value) -> append(root, name, value));
        return document;
    }

    /** The operation signNewCertificate has the elements SignNewCertificateRequest and SignNewCertificateResponse. */
    static String element(String operation, String kind) {
        return Character.toUpperCase(operation.charAt(0)) + operation.substring(1) + kind;
    }

    private static void append(Element parent, String name, String value) {
        parent.appendChild(parent.getOwnerDocument().createElementNS(null, name)).setTextContent(value);
    }

    /** Send one request and give the answer, verified; {@link Refused} when the service says FAIL. */
    private Document call(String operation, Document request) throws Exception {
        // The envelope is put around the finished request as text, so nothing in what was signed changes any more.
        String envelope = "<soapenv:Envelope xmlns:soapenv=\"" + SOAP + "\"><soapenv:Body>" + written(request)
                + "</soapenv:Body></soapenv:Envelope>";
        int number = folder.nextMessage();
        folder.keep(number, "request", envelope.getBytes(StandardCharsets.UTF_8));
        HttpRequest post = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(60))
                .header("Content-Type", "text/xml; charset=utf-8").header("SOAPAction", '"' + operation + '"')
                .POST(HttpRequest.BodyPublishers.ofString(envelope)).build();
        HttpResponse<InputStream> response = http.send(post, HttpResponse.BodyHandlers.ofInputStream());
        byte[] answer;
        try (InputStream body = response.body()) {
            answer = body.readNBytes(LARGEST_ANSWER);
        }
        folder.keep(number, "response", answer);
        if (response.statusCode() != 200) {
            // Refusals come with 200 and signed as well. So this is no answer of the service, and nothing in it counts.
            throw new IOException("HTTP " + response.statusCode());
        }
        Document verified = Answers.verified(Answers.payload(answer), operation, folder.anchors());
        Answers.refuse(verified);
        return verified;
    }

    private static String written(Document document) throws TransformerException {
        Transformer transformer = TransformerFactory.newInstance().newTransformer();
        transformer.setOutputProperty(OutputKeys.OMIT_XML_DECLARATION, "yes");
        StringWriter text = new StringWriter();
        transformer.transform(new DOMSource(document), new StreamResult(text));
        return text.toString();
    }
}

/** Keys and certificate signing requests (PKCS #10). */
final class Keys {
    private Keys() {}

    static KeyPair make(String kind) throws GeneralSecurityException {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(kind.startsWith("rsa-") ? "RSA" : "EC");
        switch (kind) {
            case "rsa-2048", "rsa-3072" -> generator.initialize(Integer.parseInt(kind.substring(4)));
            case "p256" -> generator.initialize(new ECGenParameterSpec("secp256r1"));
            case "p384" -> generator.initialize(new ECGenParameterSpec("secp384r1"));
            default -> throw new IllegalArgumentException("no such kind of key: " + kind);
        }
        return generator.generateKeyPair();
    }

    /** A certificate signing request in DER (RFC 2986). The service takes the key alone; the subject is for readers. */
    static byte[] request(KeyPair pair, String customerId) throws GeneralSecurityException {
        byte[] version = der(0x02, new byte[] {0});
        byte[] subject = new X500Principal("CN=" + customerId + ",C=FI").getEncoded();
        byte[] attributes = der(0xA0);
        byte[] asked = der(0x30, version, subject, pair.getPublic().getEncoded(), attributes);
        boolean rsa = pair.getPublic().getAlgorithm().equals("RSA");
        int hash = hashFor(pair.getPublic());
        Signature signature = Signature.getInstance("SHA" + hash + (rsa ? "withRSA" : "withECDSA"));
        signature.initSign(pair.getPrivate());
        signature.update(asked);
        // sha256WithRSAEncryption (RFC 4055, 5), ecdsa-with-SHA256, ecdsa-with-SHA384 (RFC 5758, 3.2)
        String method = rsa ? "300d06092a864886f70d01010b0500"
                : hash == 256 ? "300a06082a8648ce3d040302" : "300a06082a8648ce3d040303";
        return der(0x30, asked, HexFormat.of().parseHex(method), der(0x03, new byte[] {0}, signature.sign()));
    }

    /** SHA-384 with P-384, SHA-256 with all else. */
    static int hashFor(Key key) {
        return key instanceof ECKey ec && ec.getParams().getOrder().bitLength() > 256 ? 384 : 256;
    }

    static X509Certificate certificate(byte[] der, PublicKey ours) throws IOException, GeneralSecurityException {
        X509Certificate certificate = (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
        if (!certificate.getPublicKey().equals(ours)) {
            throw new IOException("the certificate is for another key");
        }
        return certificate;
    }

    /** One element of DER: tag, length, content. */
    private static byte[] der(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        ByteArrayOutputStream element = new ByteArrayOutputStream();
        element.write(tag);
        int length = content.size();
        if (length > 0xFF) {
            element.writeBytes(new byte[] {(byte) 0x82, (byte) (length >> 8), (byte) length});
        } else if (length > 0x7F) {
            element.writeBytes(new byte[] {(byte) 0x81, (byte) length});
        } else {
            element.write(length);
        }
        element.writeBytes(content.toByteArray());
        return element.toByteArray();
    }
}

/** The signature on a renewal. */
final class Seals {
    static final String MORE = "http://www.w3.org/2001/04/xmldsig-more#";

    private Seals() {}

    /** Sign a request, a document of its own, with the certificate in force. The signature becomes its last child. */
    static void sign(Document request, PrivateKey key, X509Certificate certificate, String recipe) throws Exception {
        boolean exclusive = switch (recipe) {
            case "exclusive" -> true;
            case "inclusive" -> false;
            default -> throw new IllegalArgumentException("no such recipe: " + recipe);
        };
        String form = exclusive ? CanonicalizationMethod.EXCLUSIVE : CanonicalizationMethod.INCLUSIVE;
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        List<Transform> transforms = new ArrayList<>();
        transforms.add(factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null));
        if (exclusive) { // without this transform the digest is over the inclusive form
            transforms.add(factory.newTransform(form, (TransformParameterSpec) null));
        }
        Reference whole = factory.newReference( // "" is the whole document
                "", factory.newDigestMethod(DigestMethod.SHA256, null), transforms, null, null);
        String family = key.getAlgorithm().equals("RSA") ? "rsa-sha" : "ecdsa-sha";
        SignedInfo info = factory.newSignedInfo(
                factory.newCanonicalizationMethod(form, (C14NMethodParameterSpec) null),
                factory.newSignatureMethod(MORE + family + Keys.hashFor(key), null), List.of(whole));
        KeyInfoFactory keys = factory.getKeyInfoFactory();
        KeyInfo shown = keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate))));
        DOMSignContext context = new DOMSignContext(key, request.getDocumentElement());
        // JAXB declares every namespace of its classes on the request; where there is a prefix already, it will do.
        String declared = request.getDocumentElement().lookupPrefix(XMLSignature.XMLNS);
        context.setDefaultNamespacePrefix(declared == null ? "ds" : declared);
        // Java breaks long base64 with CR LF, and in the message a CR stands as &#13;. That is right: leave it so.
        factory.newXMLSignature(info, shown).sign(context);
    }
}

/** What makes an answer count. */
final class Answers {
    private static final Set<String> METHODS = Set.of(Seals.MORE + "rsa-sha256", Seals.MORE + "rsa-sha384",
            Seals.MORE + "rsa-sha512", Seals.MORE + "ecdsa-sha256", Seals.MORE + "ecdsa-sha384",
            Seals.MORE + "ecdsa-sha512");

    private Answers() {}

    /** A parser that takes no DOCTYPE, and so no entities and nothing from elsewhere. */
    static DocumentBuilder builder() throws ParserConfigurationException {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        DocumentBuilder builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null); // it throws all the same, but does not print
        return builder;
    }

    /** Take the one element in the Body out, as a document of its own: so the service signed it. */
    static Document payload(byte[] answer) throws Untrusted {
        try {
            Document envelope = builder().parse(new ByteArrayInputStream(answer));
            Node body = envelope.getElementsByTagNameNS(Peer.SOAP, "Body").item(0);
            Element inside = null; // there may be blanks around it
            for (Node one = body == null ? null : body.getFirstChild(); one != null; one = one.getNextSibling()) {
                if (one instanceof Element element) {
                    if (inside != null) {
                        throw new Untrusted("more than one element in the Body", null);
                    }
                    inside = element;
                }
            }
            if (inside == null) {
                throw new Untrusted("no element in the Body", null);
            }
            Document document = builder().newDocument();
            document.appendChild(document.adoptNode(inside));
            return document;
        } catch (Untrusted untrusted) {
            throw untrusted;
        } catch (Exception unreadable) {
            throw new Untrusted("the answer cannot be read", unreadable);
        }
    }

    /**
     * Verify an answer that was taken out of its envelope, and give what was digested, parsed anew.
     *
     * <p>So nothing can be read that the signature does not cover. Untrusted is thrown for whatever is wrong with it.
     */
    static Document verified(Document answer, String operation, Set<TrustAnchor> anchors) throws Untrusted {
        try {
            Node element = answer.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").item(0);
            if (element == null || element.getParentNode() != answer.getDocumentElement()
                    || answer.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature").getLength() != 1) {
                throw new IOException("not one signature, in the answer's own element");
            }
            DOMValidateContext context = new DOMValidateContext(new Signer(anchors), element);
            context.setProperty("org.jcp.xml.dsig.secureValidation", true); // no XSLT, no weak digests, no short keys
            context.setProperty("javax.xml.crypto.dsig.cacheReference", true); // keeps the octets that were digested
            XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
            Reference whole = covered(signature);
            if (!signature.validate(context)) {
                throw new IOException("the signature does not hold");
            }
            Document digested = builder().parse(whole.getDigestInputStream());
            Element root = digested.getDocumentElement();
            if (!Peer.SERVICES.equals(root.getNamespaceURI())
                    || !root.getLocalName().equals(Peer.element(operation, "Response"))) {
                throw new IOException("an answer to something else");
            }
            return digested;
        } catch (Exception wrong) {
            throw new Untrusted("the answer is not to be trusted", wrong);
        }
    }

    /** A signature is worth as much as it covers: one Reference, to the whole document, by one of the two recipes. */
    private static Reference covered(XMLSignature signature) throws IOException {
        SignedInfo info = signature.getSignedInfo();
        List<Reference> references = info.getReferences();
        Reference whole = references.get(0);
        List<String> transforms = whole.getTransforms().stream().map(Transform::getAlgorithm).toList();
        if (references.size() != 1 || !"".equals(whole.getURI()) || !signature.getObjects().isEmpty()
                || !METHODS.contains(info.getSignatureMethod().getAlgorithm())) {
            throw new IOException("a signature of another shape");
        }
        if (!transforms.equals(List.of(Transform.ENVELOPED))
                && !transforms.equals(List.of(Transform.ENVELOPED, CanonicalizationMethod.EXCLUSIVE))) {
            throw new IOException("other transforms: " + transforms);
        }
        return whole;
    }

    /** Throw {@link Refused} for an answer that says anything but OK. */
    static void refuse(Document answer) throws XPathExpressionException, Refused {
        if (!text(answer, "/*/Result/Status").equals("OK")) {
            throw new Refused(text(answer, "/*/Result/ErrorInfo[1]/ErrorCode"),
                    text(answer, "/*/Result/ErrorInfo[1]/ErrorMessage"));
        }
    }

    /** Call until the certificate is ready: PKI021 is an answer like "in a moment". */
    static <T> T patiently(Callable<T> call) throws Exception {
        for (int left = 10; ; left--) {
            try {
                return call.call();
            } catch (Refused refused) {
                if (!refused.code.equals("PKI021") || left == 0) {
                    throw refused;
                }
                Thread.sleep(1000);
            }
        }
    }

    static String text(Document answer, String path) throws XPathExpressionException {
        return XPathFactory.newInstance().newXPath().evaluate(path, answer);
    }
}

/** Gives the key that a signature is verified with: that of the certificate beside it, if it is trusted. */
final class Signer extends KeySelector {
    private final Set<TrustAnchor> anchors;

    Signer(Set<TrustAnchor> anchors) {
        this.anchors = anchors;
    }

    @Override
    public KeySelectorResult select(KeyInfo info, Purpose purpose, AlgorithmMethod method, XMLCryptoContext context)
            throws KeySelectorException {
        try {
            List<X509Certificate> shown = info.getContent().stream()
                    .filter(X509Data.class::isInstance).flatMap(data -> ((X509Data) data).getContent().stream())
                    .filter(X509Certificate.class::isInstance).map(X509Certificate.class::cast).toList();
            if (shown.size() != 1 || shown.get(0).getBasicConstraints() >= 0) {
                throw new KeySelectorException("not one certificate, of no CA");
            }
            PKIXParameters parameters = new PKIXParameters(anchors);
            parameters.setRevocationEnabled(false);
            // Leave this line out in production: then the present time counts, as it should. Here the service may be a
            // test bench, whose clock stands years away from this machine's, so a moment of the signer's life must do.
            parameters.setDate(shown.get(0).getNotBefore());
            CertPathValidator.getInstance("PKIX").validate(
                    CertificateFactory.getInstance("X.509").generateCertPath(shown), parameters);
            return () -> shown.get(0).getPublicKey();
        } catch (GeneralSecurityException untrusted) {
            throw new KeySelectorException(untrusted);
        }
    }
}

/** The folder that holds anchors, keys, certificates and every message. */
final class Folder {
    private final Path path;

    Folder(String path) {
        this.path = Path.of(path);
    }

    List<X509Certificate> certificates(String name) throws IOException, GeneralSecurityException {
        try (InputStream pem = Files.newInputStream(path.resolve(name))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(pem).stream()
                    .map(X509Certificate.class::cast).toList();
        }
    }

    /** Those whose certificates may sign answers. Every certificate in the file counts by itself. */
    Set<TrustAnchor> anchors() throws IOException, GeneralSecurityException {
        Set<TrustAnchor> anchors = new HashSet<>();
        for (X509Certificate certificate : certificates("services.pem")) {
            anchors.add(new TrustAnchor(certificate, null));
        }
        return anchors;
    }

    /** TLS that trusts the service's own anchor and nobody else. The name in the address is checked as always. */
    SSLContext tls() throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        for (X509Certificate anchor : certificates("server.pem")) {
            store.setCertificateEntry("anchor-" + store.size(), anchor);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }

    PrivateKey readKey(String name, String algorithm) throws IOException, GeneralSecurityException {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der(name)));
    }

    /**
     * The key in a file (PKCS #8), made first where there is none. It is there before it is used: when an answer gets
     * lost, the same command again, with the same key, is answered again. With another key it would be refused, and the
     * transfer ids would have been spent for nothing.
     */
    KeyPair keyPair(String name, String kind) throws IOException, GeneralSecurityException {
        if (!Files.exists(path.resolve(name + ".pem"))) {
            KeyPair made = Keys.make(kind);
            // Java computes no public key from a private one, so it has a file of its own, which is written first.
            write(name + ".pub", pem("PUBLIC KEY", made.getPublic().getEncoded()));
            write(name + ".pem", pem("PRIVATE KEY", made.getPrivate().getEncoded()));
        }
        String algorithm = kind.startsWith("rsa-") ? "RSA" : "EC";
        return new KeyPair(KeyFactory.getInstance(algorithm).generatePublic(new X509EncodedKeySpec(der(name + ".pub"))),
                readKey(name + ".pem", algorithm));
    }

    /**
     * The retrieval id in a file, asked for first where there is none. It stays there until the certificate has come:
     * the same command again then goes on where this one was stopped, also at a service that answers an order only once.
     */
    String retrievalId(String name, Callable<String> ask) throws Exception {
        if (!Files.exists(path.resolve(name))) {
            write(name, ask.call().getBytes(StandardCharsets.UTF_8));
        }
        return Files.readString(path.resolve(name));
    }

    void delete(String name) throws IOException {
        Files.delete(path.resolve(name));
    }

    void writeCertificate(String name, X509Certificate certificate) throws IOException, GeneralSecurityException {
        write(name, pem("CERTIFICATE", certificate.getEncoded()));
    }

    /** Write beside and rename, so that a file is never half there; it is its owner's alone from the first moment on. */
    private void write(String name, byte[] octets) throws IOException {
        Path part = path.resolve(name + ".part");
        Files.deleteIfExists(part);
        if (FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
            Files.createFile(part, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        } // On Windows a file has the permissions of its folder: keep others out of that.
        Files.write(part, octets);
        Files.move(part, path.resolve(name), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private byte[] der(String name) throws IOException {
        return Base64.getMimeDecoder().decode(Files.readString(path.resolve(name)).replaceAll("-----[A-Z ]+-----", ""));
    }

    private static byte[] pem(String label, byte[] der) {
        String lines = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(der);
        return ("-----BEGIN " + label + "-----\n" + lines + "\n-----END " + label + "-----\n")
                .getBytes(StandardCharsets.US_ASCII);
    }

    int nextMessage() throws IOException {
        int number = 1;
        while (Files.exists(path.resolve(message(number, "request")))) {
            number++;
        }
        return number;
    }

    void keep(int number, String which, byte[] octets) throws IOException {
        Files.createDirectories(path.resolve("messages"));
        write(message(number, which), octets); // a password may stand in it
    }

    private static String message(int number, String which) {
        return "messages/%02d-%s.xml".formatted(number, which);
    }
}

/** The service said no: its code, and what to do next. */
final class Refused extends Exception {
    final String code;

    Refused(String code, String message) {
        super(code + " " + message);
        this.code = code;
    }
}

/** An answer that the service did not sign, or not so. */
final class Untrusted extends Exception {
    Untrusted(String message, Throwable cause) {
        super(message, cause);
    }
}

/** How the program ends: 0 done, 1 refused, 2 an answer not to be trusted, 3 anything else. */
final class Ending {
    private Ending() {}

    static int of(Callable<Void> work) {
        try {
            work.call();
            return 0;
        } catch (Exception exception) {
            System.err.println(exception instanceof Refused ? exception.getMessage() : exception);
            for (Throwable cause = exception.getCause(); cause != null; cause = cause.getCause()) {
                System.err.println("  because: " + cause);
            }
            return exception instanceof Refused ? 1 : exception instanceof Untrusted ? 2 : 3;
        }
    }
}
