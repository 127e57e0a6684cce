// Keys, requests and certificates as octets: PKCS#8, PKCS#10, PEM. The class library of .NET Framework writes none of them before
// 4.7.2 (CertificateRequest) or at all (PKCS#8); mono has stubs that throw. On Windows `certreq -new` does the same by hand.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;

static class Pkcs
{
    static readonly byte[] RsaEncryption = { 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1 };  // 1.2.840.113549.1.1.1
    static readonly byte[] Sha256WithRsa = { 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11 };  // 1.2.840.113549.1.1.11
    static readonly byte[] Null = { 0x05, 0 };

    /// PKCS#10 (RFC 2986): name and public key, signed by the key itself. The service takes the key alone from it.
    public static byte[] CertificateRequest(RSA key, string customer)
    {
        byte[] name = new X500DistinguishedName("CN=\"" + customer + "\", C=FI").RawData;
        byte[] publicKey = Der.Sequence(Der.Sequence(RsaEncryption, Null), Der.Bits(PublicKey(key)));
        byte[] attributes = Der.Write(0xa0);
        byte[] content = Der.Sequence(Der.Integer(new byte[] { 0 }), name, publicKey, attributes);
        byte[] signature = key.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return Der.Sequence(content, Der.Sequence(Sha256WithRsa, Null), Der.Bits(signature));
    }

    /// RSAPublicKey (RFC 8017, A.1.1), as it stands in requests and certificates.
    public static byte[] PublicKey(RSA key)
    {
        RSAParameters numbers = key.ExportParameters(false);
        return Der.Sequence(Der.Integer(numbers.Modulus), Der.Integer(numbers.Exponent));
    }

    /// PKCS#8 (RFC 5208) around RSAPrivateKey (RFC 8017, A.1.2): what OpenSSL and Java read as well.
    public static byte[] Pkcs8(RSA key)
    {
        RSAParameters n = key.ExportParameters(true);
        var numbers = new[] { new byte[] { 0 }, n.Modulus, n.Exponent, n.D, n.P, n.Q, n.DP, n.DQ, n.InverseQ };
        byte[] inside = Der.Sequence(numbers.Select(Der.Integer).ToArray());
        return Der.Sequence(Der.Integer(new byte[] { 0 }), Der.Sequence(RsaEncryption, Null), Der.Write(0x04, inside));
    }

    public static RSA PrivateKey(byte[] pkcs8)
    {
        Der numbers = Der.Read(Der.Read(pkcs8)[2].Content);
        byte[] modulus = numbers[1].Unsigned;
        // .NET wants every number in its full length; DER writes them without zeros in front.
        Func<int, int, byte[]> at = (which, length) => Padded(numbers[which].Unsigned, length);
        int half = (modulus.Length + 1) / 2;
        var key = new RSACryptoServiceProvider();
        key.ImportParameters(new RSAParameters
        {
            Modulus = modulus, Exponent = numbers[2].Unsigned, D = at(3, modulus.Length), P = at(4, half), Q = at(5, half),
            DP = at(6, half), DQ = at(7, half), InverseQ = at(8, half),
        });
        return key;
    }

    /// The hash of a certificate's signature algorithm; null for one that is not trusted here.
    public static HashAlgorithmName? HashOf(string algorithm)
    {
        switch (algorithm)
        {
            case "1.2.840.113549.1.1.11": case "1.2.840.10045.4.3.2": return HashAlgorithmName.SHA256;
            case "1.2.840.113549.1.1.12": case "1.2.840.10045.4.3.3": return HashAlgorithmName.SHA384;
            case "1.2.840.113549.1.1.13": case "1.2.840.10045.4.3.4": return HashAlgorithmName.SHA512;
            default: return null;
        }
    }

    public static string Wrapped(string label, byte[] der)
    {
        string lines = Regex.Replace(Convert.ToBase64String(der), ".{1,64}", "$0\n");
        return "-----BEGIN " + label + "-----\n" + lines + "-----END " + label + "-----\n";
    }

    /// Everything that a PEM file holds, in DER.
    public static List<byte[]> Unwrapped(string pem)
    {
        return Regex.Matches(pem, "-----BEGIN [A-Z ]+-----([^-]+)-----END").Cast<Match>()
            .Select(one => Convert.FromBase64String(one.Groups[1].Value)).ToList();
    }

    static byte[] Padded(byte[] number, int length)
    {
        return Enumerable.Repeat((byte)0, length - number.Length).Concat(number).ToArray();
    }
}

/// One value in DER: a tag, a length, a content (X.690). The writers give octets.
sealed class Der
{
    public byte[] Whole, Content;

    /// Reads the value at the beginning. CryptographicException for what ends too early.
    public static Der Read(byte[] octets)
    {
        int start = 2, length = octets.Length < 2 ? int.MaxValue : octets[1];
        if (length > 127 && length < int.MaxValue)
        {
            start = 2 + (length & 127);
            length = start > 5 ? int.MaxValue : octets.Skip(2).Take(start - 2).Aggregate(0, (sum, one) => sum * 256 + one);
        }
        if (length > octets.Length - start) throw new CryptographicException("no DER");
        return new Der { Content = octets.Skip(start).Take(length).ToArray(), Whole = octets.Take(start + length).ToArray() };
    }

    /// The values inside a sequence.
    public List<Der> Values
    {
        get
        {
            var found = new List<Der>();
            for (int at = 0; at < Content.Length; at += found.Last().Whole.Length) found.Add(Read(Content.Skip(at).ToArray()));
            return found;
        }
    }

    public Der this[int at]
    {
        get
        {
            List<Der> values = Values;
            if (at >= values.Count) throw new CryptographicException("a value is missing");
            return values[at];
        }
    }

    public byte[] Unsigned { get { return Content.SkipWhile(one => one == 0).ToArray(); } }

    /// A number from its octets, most significant first.
    public static BigInteger Number(IEnumerable<byte> bigEndian)
    {
        return new BigInteger(bigEndian.Reverse().Concat(new byte[] { 0 }).ToArray());
    }

    public static byte[] Write(byte tag, params byte[][] contents)
    {
        byte[] content = contents.SelectMany(one => one).ToArray();
        int n = content.Length;
        byte[] length = n < 128 ? new[] { (byte)n }
            : n < 256 ? new byte[] { 0x81, (byte)n } : new byte[] { 0x82, (byte)(n >> 8), (byte)n };
        return new[] { tag }.Concat(length).Concat(content).ToArray();
    }

    public static byte[] Sequence(params byte[][] contents) { return Write(0x30, contents); }

    public static byte[] Bits(byte[] octets) { return Write(0x03, new byte[] { 0 }, octets); }

    /// A number from its octets, most significant first; a first bit that is set would mean minus.
    public static byte[] Integer(byte[] octets)
    {
        byte[] number = octets.SkipWhile(one => one == 0).ToArray();
        return Write(0x02, number.Length == 0 || number[0] > 127 ? new byte[] { 0 } : new byte[0], number);
    }
}
