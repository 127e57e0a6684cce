import certificates.Acceptance;
import certificates.CertificateServices;
import certificates.CertificateServicesPortType;
import certificates.Environment;
import certificates.ErrorInfo;
import certificates.GetCertificateRequest;
import certificates.GetCertificateResponse;
import certificates.RenewCertificateRequest;
import certificates.Result;
import certificates.SignNewCertificateRequest;
import certificates.Status;
import com.sun.xml.ws.developer.JAXWSProperties;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import javax.xml.bind.JAXBContext;
import javax.xml.namespace.QName;
import javax.xml.soap.SOAPBody;
import javax.xml.transform.Source;
import javax.xml.transform.dom.DOMSource;
import javax.xml.ws.BindingProvider;
import javax.xml.ws.Dispatch;
import javax.xml.ws.Service;
import javax.xml.ws.WebServiceException;
import javax.xml.ws.handler.MessageContext;
import javax.xml.ws.handler.soap.SOAPHandler;
import javax.xml.ws.handler.soap.SOAPMessageContext;
import org.w3c.dom.Document;

/**
 * Gets a certificate and renews it by JAX-WS, with the classes that wsimport makes of the service's WSDL, and a handler
 * that verifies every answer. Keys, signing requests and signatures are plain Java and stand in ../java/Peer.java.
 */
final class JaxWsPeer {
    private final Folder folder;
    private final String customerId;
    private final String url;
    private final CertificateServices service;
    private final CertificateServicesPortType port;

    private JaxWsPeer(String folder, String url, String customerId) throws Exception {
        this.folder = new Folder(folder);
        this.url = Peer.overTls(url);
        this.customerId = customerId;
        // The WSDL lies beside the classes, so nothing is loaded at each start, and no address is taken out of it.
        this.service = new CertificateServices();
        this.port = service.getCertificateServicesPort();
        prepare((BindingProvider) port);
    }

    private void prepare(BindingProvider provider) throws Exception {
        Map<String, Object> context = provider.getRequestContext();
        context.put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, url);
        context.put(JAXWSProperties.SSL_SOCKET_FACTORY, folder.tls().getSocketFactory());
        context.put(JAXWSProperties.CONNECT_TIMEOUT, 10_000);
        context.put(JAXWSProperties.REQUEST_TIMEOUT, 60_000);
        context.put(Keeping.FOLDER, folder);
        provider.getBinding().setHandlerChain(List.of(new Verifying(folder.anchors())));
    }

    public static void main(String[] words) {
        // Java's HttpURLConnection, which JAX-WS sends by, repeats a POST unasked when the connection breaks. Transfer
        // ids can be spent once, so whether to send again is for the program to say.
        System.setProperty("sun.net.http.retryPost", "false");
        System.exit(Ending.of(() -> {
            String command = words.length == 0 ? "" : words[0];
            if (command.equals("enrol") && words.length == 7) {
                new JaxWsPeer(words[1], words[2], words[3]).enrol(words[4], words[5], words[6]);
            } else if (command.equals("renew") && words.length == 6) {
                new JaxWsPeer(words[1], words[2], words[3]).renew(words[4], words[5]);
            } else {
                throw new IllegalArgumentException(Peer.USAGE);
            }
            return null;
        }));
    }

    private void enrol(String transferId, String transferPassword, String kind) throws Exception {
        KeyPair pair = folder.keyPair("key", kind);
        SignNewCertificateRequest request = new SignNewCertificateRequest();
        request.setEnvironment(Environment.TEST);
        request.setCustomerId(customerId);
        request.setTransferId(transferId);
        request.setTransferPassword(transferPassword);
        request.setCertificateRequest(Keys.request(pair, customerId));
        String retrievalId = folder.retrievalId("retrieval-id", () -> {
            Acceptance answer = call((BindingProvider) port, () -> port.signNewCertificate(request));
            accept(answer.getResult());
            return answer.getRetrievalId();
        });
        folder.writeCertificate("certificate.pem", fetch(retrievalId, pair.getPublic()));
        folder.delete("retrieval-id");
    }

    private void renew(String kind, String recipe) throws Exception {
        X509Certificate certificate = folder.certificates("certificate.pem").get(0);
        PrivateKey key = folder.readKey("key.pem", certificate.getPublicKey().getAlgorithm());
        KeyPair next = folder.keyPair("next-key", kind);
        RenewCertificateRequest request = new RenewCertificateRequest();
        request.setEnvironment(Environment.TEST);
        request.setCustomerId(customerId);
        request.setCertificateRequest(Keys.request(next, customerId));

        // A signature is over the request as it is written. So JAXB writes it first, into a document of its own; then
        // it is signed; and a Dispatch sends that document as it is. The port would have JAXB write it anew.
        JAXBContext classes = JAXBContext.newInstance("certificates");
        Document written = Answers.builder().newDocument();
        classes.createMarshaller().marshal(request, written);
        Seals.sign(written, key, certificate, recipe);
        Dispatch<Source> dispatch = service.createDispatch(
                new QName(Peer.SERVICES, "CertificateServicesPort"), Source.class, Service.Mode.PAYLOAD);
        prepare(dispatch);
        dispatch.getRequestContext().put(BindingProvider.SOAPACTION_USE_PROPERTY, true);
        dispatch.getRequestContext().put(BindingProvider.SOAPACTION_URI_PROPERTY, "renewCertificate");
        String retrievalId = folder.retrievalId("next-retrieval-id", () -> {
            Source reply = call(dispatch, () -> dispatch.invoke(new DOMSource(written)));
            Acceptance answer = classes.createUnmarshaller().unmarshal(reply, Acceptance.class).getValue();
            accept(answer.getResult());
            return answer.getRetrievalId();
        });
        folder.writeCertificate("next-certificate.pem", fetch(retrievalId, next.getPublic()));
        folder.delete("next-retrieval-id");
    }

    private X509Certificate fetch(String retrievalId, PublicKey ours) throws Exception {
        GetCertificateRequest request = new GetCertificateRequest();
        request.setEnvironment(Environment.TEST);
        request.setCustomerId(customerId);
        request.setRetrievalId(retrievalId);
        return Answers.patiently(() -> {
            GetCertificateResponse answer = call((BindingProvider) port, () -> port.getCertificate(request));
            accept(answer.getResult());
            return Keys.certificate(answer.getCertificate(), ours);
        });
    }

    private static void accept(Result result) throws Refused {
        if (result.getStatus() != Status.OK) {
            ErrorInfo first = result.getErrorInfo().get(0);
            throw new Refused(first.getErrorCode(), first.getErrorMessage());
        }
    }

    /** Refusals come with 200 and signed as well. So what fails with 200 is an answer that is not to be trusted. */
    private static <T> T call(BindingProvider provider, Supplier<T> operation) throws Untrusted {
        try {
            return operation.get();
        } catch (WebServiceException exception) {
            if (Integer.valueOf(200).equals(provider.getResponseContext().get(MessageContext.HTTP_RESPONSE_CODE))) {
                throw new Untrusted("the answer is not to be trusted", exception);
            }
            throw exception;
        }
    }
}

/** Verifies every answer, and passes on nothing but what its signature covers. */
final class Verifying implements SOAPHandler<SOAPMessageContext> {
    private final Set<TrustAnchor> anchors;

    Verifying(Set<TrustAnchor> anchors) {
        this.anchors = anchors;
    }

    @Override
    public boolean handleMessage(SOAPMessageContext context) {
        if (!(Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY)) {
            try {
                String operation = ((QName) context.get(MessageContext.WSDL_OPERATION)).getLocalPart();
                // Taken from the octets that came. SAAJ's tree declares the envelope's namespace on the answer as well,
                // and one that was digested in its inclusive form would no longer fit.
                Document answer = Answers.payload((byte[]) context.get(Keeping.ANSWER));
                Document verified = Answers.verified(answer, operation, anchors);
                SOAPBody body = context.getMessage().getSOAPBody();
                body.removeContents();
                body.addDocument(verified);
            } catch (Exception untrusted) {
                throw new WebServiceException(untrusted);
            }
        }
        return true;
    }

    @Override
    public boolean handleFault(SOAPMessageContext context) {
        return true;
    }

    @Override
    public Set<QName> getHeaders() {
        return Set.of();
    }

    @Override
    public void close(MessageContext context) {}
}
