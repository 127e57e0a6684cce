// A holder's program in C#: gets a certificate (enrol) and renews it (renew), with the class library of .NET Framework alone.
//
//   enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY     KEY: rsa-2048, rsa-3072
//   renew FOLDER URL CUSTOMER_ID KEY RECIPE                            RECIPE: exclusive, inclusive
//   versions
//
// FOLDER holds server.pem (who may vouch for the server's TLS certificate) and services.pem (who may vouch for those that sign
// answers). Exit: 0 done; 1 refused by the service; 2 an answer's signature does not hold; 3 anything else.

using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Text;
using System.Threading;
using System.Xml;

sealed class Refused : Exception  // the service said no
{
    public Refused(string codesAndTexts) : base(codesAndTexts) { }
}

sealed class Untrusted : Exception  // whatever came, it is not a signed answer of the service
{
    public Untrusted(string why) : base("the answer counts for nothing: " + why) { }
}

static class Peer
{
    const string Service = "http://certificates.vero.fi/2017/10/certificateservices";
    const string Soap = "http://schemas.xmlsoap.org/soap/envelope/";
    const string Environment = "TEST";

    static string folder, url, customer, serverAnchors, serviceAnchors;

    // --- The two commands -------------------------------------------------------------------------------------------------

    static void Enrol(string id, string password, string type)
    {
        // The key is on disk before it is used: if the answer gets lost, the same command again (same transfer ids, same key)
        // gets the same answer. With another key it would be refused, since transfer ids are for one key.
        RSA key = KeyIn("key.pem", type);
        var request = Request("SignNewCertificateRequest", "TransferId", id, "TransferPassword", password,
            "CertificateRequest", Convert.ToBase64String(Pkcs.CertificateRequest(key, customer)));
        Fetch(RetrievalIdIn("retrieval-id", "signNewCertificate", request), key, "certificate.pem");
        File.Delete(InFolder("retrieval-id"));
    }

    static void Renew(string type, string recipe)
    {
        if (recipe != "exclusive" && recipe != "inclusive") throw new ArgumentException("no such recipe: " + recipe);
        RSA next = KeyIn("next-key.pem", type);
        var request = Request("RenewCertificateRequest",
            "CertificateRequest", Convert.ToBase64String(Pkcs.CertificateRequest(next, customer)));
        // The old key signs, the old certificate says whose key it is. Nothing is changed in the request afterwards.
        RSA old = Pkcs.PrivateKey(Pkcs.Unwrapped(File.ReadAllText(InFolder("key.pem")))[0]);
        var certificate = new X509Certificate2(Pkcs.Unwrapped(File.ReadAllText(InFolder("certificate.pem")))[0]);
        Signatures.Sign(request, old, certificate, recipe == "exclusive");
        Fetch(RetrievalIdIn("next-retrieval-id", "renewCertificate", request), next, "next-certificate.pem");
        File.Delete(InFolder("next-retrieval-id"));
    }

    /// The retrieval id in a file, asked for first where there is none. It stays there until the certificate has come: the same
    /// command again then goes on where this one was stopped, also at a service that answers an order only once.
    static string RetrievalIdIn(string name, string operation, XmlDocument request)
    {
        if (!File.Exists(InFolder(name)))
            Keep(name, Encoding.UTF8.GetBytes(Only(Call(operation, request), "RetrievalId").InnerText));
        return File.ReadAllText(InFolder(name));
    }

    /// Fetches a certificate, asking again while it is being made (PKI021), and keeps it if it is for this key.
    static void Fetch(string id, RSA key, string name)
    {
        XmlElement answer = null;
        for (int left = 10; answer == null; left--)
        {
            try { answer = Call("getCertificate", Request("GetCertificateRequest", "RetrievalId", id)); }
            catch (Refused refused)
            {
                if (!refused.Message.StartsWith("PKI021 ") || left == 0) throw;
                Thread.Sleep(1000);
            }
        }
        var der = Convert.FromBase64String(Only(answer, "Certificate").InnerText);
        var certificate = new X509Certificate2(der);
        bool ours = certificate.PublicKey.EncodedKeyValue.RawData.SequenceEqual(Pkcs.PublicKey(key))
            && certificate.GetNameInfo(X509NameType.SimpleName, false) == customer;
        if (!ours) throw new InvalidOperationException("the certificate is for another key or another customer");
        Keep(name, Encoding.ASCII.GetBytes(Pkcs.Wrapped("CERTIFICATE", der)));
    }

    // --- Messages ---------------------------------------------------------------------------------------------------------

    /// The root element is in the service's namespace, its children are in none, and their order is fixed.
    static XmlDocument Request(string name, params string[] namesAndValues)
    {
        // SignedXml digests white space as well, so it has to be kept (the default is to drop it on loading).
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        document.AppendChild(document.CreateElement("cer", name, Service));
        Add(document, "Environment", Environment);
        Add(document, "CustomerId", customer);
        for (int at = 0; at < namesAndValues.Length; at += 2) Add(document, namesAndValues[at], namesAndValues[at + 1]);
        return document;
    }

    static void Add(XmlDocument document, string name, string value)
    {
        document.DocumentElement.AppendChild(document.CreateElement(name)).InnerText = value;
    }

    /// Calls an operation; gives the answer, verified. Refused where its Status is not OK.
    static XmlElement Call(string operation, XmlDocument request)
    {
        // The signed element goes into the envelope as it is: text around text, no second serialisation with other settings.
        string envelope = "<soap:Envelope xmlns:soap=\"" + Soap + "\"><soap:Body>" + request.DocumentElement.OuterXml
            + "</soap:Body></soap:Envelope>";
        XmlElement payload = Payload(Post(operation, new UTF8Encoding(false).GetBytes(envelope)));
        if (payload.NamespaceURI == Soap && payload.LocalName == "Fault")
            throw new InvalidOperationException("fault: " + Only(payload, "faultstring").InnerText);
        // It was signed as a document of its own, before it was put into the envelope.
        var answer = Parsed(new UTF8Encoding(false).GetBytes(payload.OuterXml));
        XmlElement root = answer.DocumentElement;
        string name = char.ToUpperInvariant(operation[0]) + operation.Substring(1) + "Response";
        if (root.NamespaceURI != Service || root.LocalName != name) throw new Untrusted("it is no " + name);
        Signatures.Verify(answer, serviceAnchors);
        // From here on values are read out of the document that was verified, never out of the envelope.
        XmlElement result = Only(root, "Result");
        if (Only(result, "Status").InnerText == "OK") return root;
        throw new Refused(string.Join("\n", result.SelectNodes("ErrorInfo").Cast<XmlElement>().Select(
            one => Only(one, "ErrorCode").InnerText + " " + Only(one, "ErrorMessage").InnerText)));
    }

    static byte[] Post(string operation, byte[] message)
    {
        string number = (Directory.GetFiles(InFolder("messages"), "*-request.xml").Length + 1).ToString("00");
        Keep("messages/" + number + "-request.xml", message);
        var http = (HttpWebRequest)WebRequest.Create(url);
        http.Method = "POST";
        http.ContentType = "text/xml; charset=utf-8";
        http.Headers["SOAPAction"] = "\"" + operation + "\"";
        http.Timeout = http.ReadWriteTimeout = 60000;
        http.AllowAutoRedirect = false;  // a redirection could carry the password elsewhere
        http.ServerCertificateValidationCallback = IsServer;
        using (Stream body = http.GetRequestStream()) body.Write(message, 0, message.Length);
        HttpWebResponse response;
        try { response = (HttpWebResponse)http.GetResponse(); }
        catch (WebException failure)
        {
            response = failure.Response as HttpWebResponse;  // thrown for a status as well
            if (response == null) throw;
        }
        using (response)
        using (var octets = new MemoryStream())
        {
            response.GetResponseStream().CopyTo(octets);
            Keep("messages/" + number + "-response.xml", octets.ToArray());
            // 200: an answer, a refusal too; 500: a fault.
            if (response.StatusCode != HttpStatusCode.OK && response.StatusCode != HttpStatusCode.InternalServerError)
                throw new WebException("HTTP status " + (int)response.StatusCode
                    + ": send the same request again, later, with the same key");
            return octets.ToArray();
        }
    }

    /// Only the anchors in server.pem count, not the hundred authorities that the machine trusts, and only for this host. Never
    /// "return true" here: the password would go to whoever answers.
    static bool IsServer(object sender, X509Certificate certificate, X509Chain chain, SslPolicyErrors errors)
    {
        // .NET reports another name as RemoteCertificateNameMismatch. Mono 6.12 does not (measured: the URL has an address that is
        // not in the certificate, and the chain is unknown), so the names are compared once more in there.
        string host = ((HttpWebRequest)sender).Address.Host;
        return (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) == SslPolicyErrors.None
            && Signatures.IsServer(new X509Certificate2(certificate), host, serverAnchors);
    }

    /// Parses without a document type (how attacks on parsers begin; no SOAP message has one) and without a network.
    static XmlDocument Parsed(byte[] xml)
    {
        var document = new XmlDocument { PreserveWhitespace = true, XmlResolver = null };
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null };
        try { using (var reader = XmlReader.Create(new MemoryStream(xml), settings)) document.Load(reader); }
        catch (XmlException broken) { throw new Untrusted(broken.Message); }
        return document;
    }

    /// The one element in the Body of a SOAP 1.1 envelope.
    static XmlElement Payload(byte[] xml)
    {
        XmlElement envelope = Parsed(xml).DocumentElement;
        if (envelope.NamespaceURI != Soap || envelope.LocalName != "Envelope") throw new Untrusted("it is no SOAP");
        var found = Only(envelope, "Body", Soap).SelectNodes("*");
        if (found.Count != 1) throw new Untrusted("the body has not one element");
        return (XmlElement)found[0];
    }

    /// The one child with this name.
    static XmlElement Only(XmlElement parent, string name, string space = "")
    {
        var found = parent.SelectNodes("*[local-name()='" + name + "' and namespace-uri()='" + space + "']");
        if (found.Count != 1) throw new Untrusted("it has not one " + name);
        return (XmlElement)found[0];
    }

    // --- Files ------------------------------------------------------------------------------------------------------------

    /// The key in a file, made first where there is none.
    static RSA KeyIn(string name, string type)
    {
        if (type != "rsa-2048" && type != "rsa-3072")
            throw new NotSupportedException("mono makes no EC keys (ECDsa.Create() is not implemented), and no other is enough");
        if (!File.Exists(InFolder(name)))
        {
            // On Windows: new RSACryptoServiceProvider(bits, new CspParameters(24)), since only that provider knows SHA-256.
            var key = new RSACryptoServiceProvider(int.Parse(type.Substring(4)));
            Keep(name, Encoding.ASCII.GetBytes(Pkcs.Wrapped("PRIVATE KEY", Pkcs.Pkcs8(key))));
        }
        return Pkcs.PrivateKey(Pkcs.Unwrapped(File.ReadAllText(InFolder(name)))[0]);
    }

    static string InFolder(string name) { return Path.Combine(folder, name); }

    /// Writes beside and renames, so that a file is never half there.
    static void Keep(string name, byte[] octets)
    {
        string part = InFolder(name) + ".part";
        File.WriteAllBytes(part, octets);
        if (File.Exists(InFolder(name))) File.Replace(part, InFolder(name), null);
        else File.Move(part, InFolder(name));
    }

    static int Main(string[] given)
    {
        try
        {
            if (given.Length == 1 && given[0] == "versions")
            {
                string mono = (string)Type.GetType("Mono.Runtime").GetMethod("GetDisplayName",
                    System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static).Invoke(null, null);
                Console.WriteLine("mono " + mono.Split(' ')[0]);
                Console.WriteLine("System.Security " + typeof(SignedXml).Assembly.GetName().Version);
                return 0;
            }
            string command = given.Length > 0 ? given[0] : "";
            if (given.Length != (command == "enrol" ? 7 : command == "renew" ? 6 : -1))
                throw new ArgumentException("usage: see the top of Peer.cs");
            folder = given[1]; url = given[2]; customer = given[3];
            if (!url.StartsWith("https://")) throw new ArgumentException("without TLS anybody on the way reads the password");
            serverAnchors = File.ReadAllText(InFolder("server.pem"));
            serviceAnchors = File.ReadAllText(InFolder("services.pem"));
            Directory.CreateDirectory(InFolder("messages"));
            ServicePointManager.SecurityProtocol = SecurityProtocolType.Tls12;  // older versions of .NET begin with TLS 1.0
            ServicePointManager.Expect100Continue = false;
            Signatures.AddAlgorithms();
            if (command == "enrol") Enrol(given[4], given[5], given[6]);
            else Renew(given[4], given[5]);
            return 0;
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure.Message);
            return failure is Refused ? 1 : failure is Untrusted ? 2 : 3;
        }
    }
}
