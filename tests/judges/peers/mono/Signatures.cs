// XML Signature by SignedXml, for the one shape that this service uses, and who may have signed.

using System;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Text;
using System.Xml;

static class Signatures
{
    const string RsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    const string Sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";
    const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    const string SubjectAltName = "2.5.29.17";

    /// Once, at the start: .NET Framework before 4.6.2 does not know RSA with SHA-256 in XML, and no version knows ECDSA there.
    public static void AddAlgorithms()
    {
        CryptoConfig.AddAlgorithm(typeof(RsaSha256Description), RsaSha256);
        CryptoConfig.AddAlgorithm(typeof(EcdsaSha256Description), EcdsaSha256Description.Url);
        CryptoConfig.AddAlgorithm(typeof(EcdsaSha384Description), EcdsaSha384Description.Url);
    }

    public static void Sign(XmlDocument document, RSA key, X509Certificate2 certificate, bool exclusive)
    {
        var signer = new SignedXml(document) { SigningKey = key, Resolver = null };
        signer.SignedInfo.SignatureMethod = RsaSha256;  // the default may be SHA-1
        var reference = new Reference("") { DigestMethod = Sha256 };  // "": the whole document
        reference.AddTransform(new XmlDsigEnvelopedSignatureTransform());
        // [enveloped] alone leaves a node set, and XML Signature then takes inclusive C14N to make octets of it. That is also
        // .NET's default for SignedInfo. Exclusive C14N has to be asked for in both places.
        if (exclusive) reference.AddTransform(new XmlDsigExcC14NTransform());
        signer.SignedInfo.CanonicalizationMethod =
            exclusive ? SignedXml.XmlDsigExcC14NTransformUrl : SignedXml.XmlDsigC14NTransformUrl;
        signer.AddReference(reference);
        signer.KeyInfo.AddClause(new KeyInfoX509Data(certificate));
        signer.ComputeSignature();
        document.DocumentElement.AppendChild(document.ImportNode(signer.GetXml(), true));
    }

    /// Verifies a document. SignedXml alone would also take signatures over a part of it, with other transforms, by any key:
    /// first the shape is compared, then whose certificate it is, then the signature.
    public static void Verify(XmlDocument document, string anchors)
    {
        try { Check(document, anchors); }
        catch (Exception bad) when (bad is CryptographicException || bad is FormatException) { throw new Untrusted(bad.Message); }
    }

    static void Check(XmlDocument document, string anchors)
    {
        var signatures = document.GetElementsByTagName("Signature", SignedXml.XmlDsigNamespaceUrl);
        Demand(signatures.Count == 1 && signatures[0] == document.DocumentElement.LastChild, "no signature as last child, or two");
        var parts = signatures[0].ChildNodes.Cast<XmlNode>().Select(one => one.LocalName);
        Demand(parts.SequenceEqual(new[] { "SignedInfo", "SignatureValue", "KeyInfo" }), "its signature has another shape");
        var verifier = new SignedXml(document) { Resolver = null };
        verifier.LoadXml((XmlElement)signatures[0]);
        SignedInfo info = verifier.SignedInfo;
        Demand(info.References.Count == 1 && ((Reference)info.References[0]).Uri == "", "the signature covers something else");
        var reference = (Reference)info.References[0];
        Demand(reference.DigestMethod == Sha256, "unknown digest method");
        Demand(info.CanonicalizationMethod == SignedXml.XmlDsigExcC14NTransformUrl
            || info.CanonicalizationMethod == SignedXml.XmlDsigC14NTransformUrl, "unknown canonicalisation");
        var transforms = Enumerable.Range(0, reference.TransformChain.Count).Select(at => reference.TransformChain[at]).ToList();
        Demand(transforms.Count >= 1 && transforms[0] is XmlDsigEnvelopedSignatureTransform, "unknown transforms");
        // By name as well: XmlDsigExcC14NWithCommentsTransform is a subclass.
        Demand(transforms.Count == 1 || transforms.Count == 2 && transforms[1].Algorithm == SignedXml.XmlDsigExcC14NTransformUrl
            && string.IsNullOrEmpty(((XmlDsigExcC14NTransform)transforms[1]).InclusiveNamespacesPrefixList), "unknown transforms");
        X509Certificate2 signer = Presented((XmlElement)signatures[0]);
        AsymmetricAlgorithm key = PublicKeyOf(signer);
        string[] methods = key is RSA ? new[] { RsaSha256 } : new[] { EcdsaSha256Description.Url, EcdsaSha384Description.Url };
        Demand(methods.Contains(info.SignatureMethod), "unknown method for this key");
        Demand(IsTrusted(signer, anchors), "its signer is not trusted");
        Demand(verifier.CheckSignature(key), "the signature does not fit");
    }

    static X509Certificate2 Presented(XmlElement signature)
    {
        var found = signature.GetElementsByTagName("X509Certificate", SignedXml.XmlDsigNamespaceUrl);
        Demand(found.Count == 1, "it has not one certificate");
        return new X509Certificate2(Convert.FromBase64String(found[0].InnerText));
    }

    /// Was the signer's certificate issued by one of the authorities in services.pem? On Windows X509Chain does this (with the
    /// anchors in ExtraStore, and a look whether the chain ends in one of them); mono's knows no elliptic curves.
    static bool IsTrusted(X509Certificate2 signer, string anchors)
    {
        // A test bench's clock may stand years ahead of this machine's, so the date is one at which the signer's certificate is
        // valid. In production the date is DateTime.Now, and the signer's own certificate has to be valid then.
        DateTime date = signer.NotBefore.AddTicks((signer.NotAfter - signer.NotBefore).Ticks / 2);
        return Is(signer, authority: false) && Allows(signer, X509KeyUsageFlags.DigitalSignature)
            && IsIssuedByAny(signer, anchors, date);
    }

    /// Was a server's certificate issued by one of the authorities in server.pem, and is it for this host, and valid today?
    public static bool IsServer(X509Certificate2 server, string host, string anchors)
    {
        var uses = server.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(one => one.EnhancedKeyUsages.Cast<Oid>());
        return server.NotBefore <= DateTime.Now && DateTime.Now <= server.NotAfter
            && uses.Any(one => one.Value == ServerAuth) && IsFor(server, host) && IsIssuedByAny(server, anchors, DateTime.Now);
    }

    /// SubjectAltName ::= SEQUENCE OF { [2] a DNS name, [7] an address … } (RFC 5280, 4.2.1.6). A "*" fits nothing here.
    static bool IsFor(X509Certificate2 server, string host)
    {
        IPAddress address;
        bool isAddress = IPAddress.TryParse(host, out address);
        return server.Extensions.Cast<X509Extension>().Where(one => one.Oid.Value == SubjectAltName)
            .SelectMany(one => Der.Read(one.RawData).Values).Any(name => isAddress
                ? name.Whole[0] == 0x87 && name.Content.SequenceEqual(address.GetAddressBytes())
                : name.Whole[0] == 0x82 && Encoding.ASCII.GetString(name.Content).ToLowerInvariant() == host.ToLowerInvariant());
    }

    static bool IsIssuedByAny(X509Certificate2 certificate, string anchors, DateTime date)
    {
        return Pkcs.Unwrapped(anchors).Select(der => new X509Certificate2(der)).Any(issuer =>
            issuer.NotBefore <= date && date <= issuer.NotAfter && Is(issuer, authority: true)
            && Allows(issuer, X509KeyUsageFlags.KeyCertSign)
            && issuer.SubjectName.RawData.SequenceEqual(certificate.IssuerName.RawData) && IsSignedBy(certificate, issuer));
    }

    static bool Is(X509Certificate2 certificate, bool authority)
    {
        return certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(one => one.CertificateAuthority == authority);
    }

    static bool Allows(X509Certificate2 certificate, X509KeyUsageFlags use)
    {
        return certificate.Extensions.OfType<X509KeyUsageExtension>().Any(one => (one.KeyUsages & use) == use);
    }

    /// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING } (RFC 5280, 4.1).
    static bool IsSignedBy(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        Der whole = Der.Read(certificate.RawData);
        byte[] signature = whole[2].Content.Skip(1).ToArray();  // the first octet says how many bits are unused: none
        HashAlgorithmName? hash = Pkcs.HashOf(certificate.SignatureAlgorithm.Value);
        if (hash == null) return false;
        AsymmetricAlgorithm key = PublicKeyOf(issuer);
        if (key is RSA) return ((RSA)key).VerifyData(whole[0].Whole, signature, hash.Value, RSASignaturePadding.Pkcs1);
        Der numbers = Der.Read(signature);  // in certificates ECDSA's r and s are a DER sequence, in XML they stand side by side
        using (var digest = HashAlgorithm.Create(hash.Value.Name))
            return ((EcPublicKey)key).Verify(
                digest.ComputeHash(whole[0].Whole), Der.Number(numbers[0].Content), Der.Number(numbers[1].Content));
    }

    static AsymmetricAlgorithm PublicKeyOf(X509Certificate2 certificate)
    {
        PublicKey key = certificate.PublicKey;
        if (key.Oid.Value == EcPublicKey.Oid) return new EcPublicKey(key.EncodedParameters.RawData, key.EncodedKeyValue.RawData);
        return certificate.GetRSAPublicKey();
    }

    static void Demand(bool holds, string otherwise)
    {
        if (!holds) throw new Untrusted(otherwise);
    }
}

/// What SignedXml asks: which key, which hash, and who makes and verifies signatures.
public sealed class RsaSha256Description : SignatureDescription
{
    public RsaSha256Description()
    {
        KeyAlgorithm = typeof(RSA).AssemblyQualifiedName;
        DigestAlgorithm = typeof(SHA256Managed).AssemblyQualifiedName;
    }

    public override AsymmetricSignatureFormatter CreateFormatter(AsymmetricAlgorithm key)
    {
        var formatter = new RSAPKCS1SignatureFormatter(key);
        formatter.SetHashAlgorithm("SHA256");
        return formatter;
    }

    public override AsymmetricSignatureDeformatter CreateDeformatter(AsymmetricAlgorithm key)
    {
        var deformatter = new RSAPKCS1SignatureDeformatter(key);
        deformatter.SetHashAlgorithm("SHA256");
        return deformatter;
    }
}
