// Opens a PKCS#12 file as programs on .NET do, and signs with its key: OpensPkcs12 FILE PASSWORD
using System;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

public static class OpensPkcs12
{
    public static int Main(string[] arguments)
    {
        try
        {
            var certificate = new X509Certificate2(arguments[0], arguments[1], X509KeyStorageFlags.Exportable);
            var octets = new byte[] { 1, 2, 3 };
            var key = (RSACryptoServiceProvider)certificate.PrivateKey;
            var signature = key.SignData(octets, new SHA1CryptoServiceProvider());
            var shown = (RSACryptoServiceProvider)certificate.PublicKey.Key;
            if (!shown.VerifyData(octets, new SHA1CryptoServiceProvider(), signature)) return 3;
            Console.WriteLine(certificate.Thumbprint.ToLowerInvariant());
            return 0;
        }
        catch (CryptographicException bad)
        {
            Console.Error.WriteLine(bad.Message);
            return 4;
        }
    }
}
