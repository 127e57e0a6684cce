// ECDSA over P-256 and P-384 (FIPS 186-5, 6.4.2), verification alone, since mono has none: ECDsa.Create() is not implemented. On
// Windows ECDsaCng does it, and only the descriptions at the end are needed. Nothing here is secret, so nothing here need take
// the same time for all numbers. Do not sign with such code.

using System;
using System.Globalization;
using System.Linq;
using System.Numerics;
using System.Security.Cryptography;

public sealed class EcPublicKey : AsymmetricAlgorithm
{
    public const string Oid = "1.2.840.10045.2.1";

    // y² = x³ − 3x + b over p; G generates n points (SP 800-186, 3.2.1).
    static readonly BigInteger P256 = Hex("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
    static readonly BigInteger P384 = Hex(
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff");

    readonly BigInteger p, b, n;
    readonly Point generator, key;
    readonly int length;

    public override string SignatureAlgorithm { get { return "ECDSA"; } }
    public override string KeyExchangeAlgorithm { get { return null; } }
    public override int KeySize { get { return length * 8; } }

    /// From a certificate: the curve's object identifier in DER, and the point, uncompressed.
    public EcPublicKey(byte[] curve, byte[] point)
    {
        switch (BitConverter.ToString(curve))
        {
            case "06-08-2A-86-48-CE-3D-03-01-07":
                p = P256;
                b = Hex("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b");
                n = Hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
                generator = new Point(Hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
                    Hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"), 1);
                break;
            case "06-05-2B-81-04-00-22":
                p = P384;
                b = Hex(
                    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef");
                n = Hex("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973");
                generator = new Point(
                    Hex("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"),
                    Hex("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"), 1);
                break;
            default: throw new CryptographicException("unknown curve");
        }
        length = p == P256 ? 32 : 48;
        if (point.Length != 1 + 2 * length || point[0] != 4) throw new CryptographicException("no uncompressed point");
        BigInteger x = Der.Number(point.Skip(1).Take(length)), y = Der.Number(point.Skip(1 + length));
        bool isOnCurve = x < p && y < p && Mod(y * y - (x * x * x - 3 * x + b)) == 0;
        if (!isOnCurve) throw new CryptographicException("no point of the curve");
        key = new Point(x, y, 1);
    }

    /// r and s side by side, as XML Signature 1.1 writes them (6.4.3).
    public bool Verify(byte[] digest, byte[] signature)
    {
        return signature.Length == 2 * length
            && Verify(digest, Der.Number(signature.Take(length)), Der.Number(signature.Skip(length)));
    }

    public bool Verify(byte[] digest, BigInteger r, BigInteger s)
    {
        if (r < 1 || r >= n || s < 1 || s >= n) return false;
        BigInteger e = Der.Number(digest.Take(length));  // a longer hash is cut to the curve's length
        BigInteger w = BigInteger.ModPow(s, n - 2, n);    // 1/s, as n is prime
        Point sum = Sum(Times(e * w % n, generator), Times(r * w % n, key));
        if (sum.Z == 0) return false;
        BigInteger z = BigInteger.ModPow(sum.Z, p - 2, p);
        return Mod(sum.X * z * z) % n == r;
    }

    // Points as (X/Z², Y/Z³), which spares a division at every step; Z = 0 is the point at infinity.
    struct Point
    {
        public readonly BigInteger X, Y, Z;

        public Point(BigInteger x, BigInteger y, BigInteger z) { X = x; Y = y; Z = z; }
    }

    Point Times(BigInteger factor, Point point)
    {
        var result = new Point(1, 1, 0);
        for (int bit = length * 8 - 1; bit >= 0; bit--)
        {
            result = Double(result);
            if (!(factor >> bit).IsEven) result = Sum(result, point);
        }
        return result;
    }

    Point Double(Point a)
    {
        BigInteger z2 = Mod(a.Z * a.Z), y2 = Mod(a.Y * a.Y), s = Mod(4 * a.X * y2), m = Mod(3 * (a.X - z2) * (a.X + z2));
        BigInteger x = Mod(m * m - 2 * s);
        return new Point(x, Mod(m * (s - x) - 8 * y2 * y2), Mod(2 * a.Y * a.Z));
    }

    Point Sum(Point a, Point c)
    {
        if (a.Z == 0) return c;
        if (c.Z == 0) return a;
        BigInteger az = Mod(a.Z * a.Z), cz = Mod(c.Z * c.Z);
        BigInteger u = Mod(a.X * cz), s = Mod(a.Y * cz * c.Z);
        BigInteger h = Mod(c.X * az - u), r = Mod(c.Y * az * a.Z - s);
        if (h == 0) return r == 0 ? Double(a) : new Point(1, 1, 0);
        BigInteger h2 = Mod(h * h), h3 = Mod(h2 * h), uh2 = Mod(u * h2);
        BigInteger x = Mod(r * r - h3 - 2 * uh2);
        return new Point(x, Mod(r * (uh2 - x) - s * h3), Mod(h * a.Z * c.Z));
    }

    BigInteger Mod(BigInteger number)
    {
        BigInteger rest = number % p;
        return rest.Sign < 0 ? rest + p : rest;
    }

    static BigInteger Hex(string digits) { return BigInteger.Parse("0" + digits, NumberStyles.HexNumber); }
}

/// What SignedXml asks: which key, which hash, and who verifies. On Windows the key is an ECDsa, and the deformatter calls its
/// VerifyHash(hash, signature); a formatter that calls its SignHash(hash) then signs with EC keys too.
public abstract class EcdsaDescription : SignatureDescription
{
    protected EcdsaDescription(Type hash)
    {
        KeyAlgorithm = typeof(EcPublicKey).AssemblyQualifiedName;
        DigestAlgorithm = hash.AssemblyQualifiedName;
    }

    public override AsymmetricSignatureDeformatter CreateDeformatter(AsymmetricAlgorithm key)
    {
        return new Deformatter((EcPublicKey)key);
    }

    sealed class Deformatter : AsymmetricSignatureDeformatter
    {
        readonly EcPublicKey key;

        public Deformatter(EcPublicKey key) { this.key = key; }

        public override void SetKey(AsymmetricAlgorithm other) { throw new NotSupportedException(); }

        public override void SetHashAlgorithm(string name) { }

        public override bool VerifySignature(byte[] hash, byte[] signature) { return key.Verify(hash, signature); }
    }
}

public sealed class EcdsaSha256Description : EcdsaDescription
{
    public const string Url = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

    public EcdsaSha256Description() : base(typeof(SHA256Managed)) { }
}

public sealed class EcdsaSha384Description : EcdsaDescription
{
    public const string Url = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384";

    public EcdsaSha384Description() : base(typeof(SHA384Managed)) { }
}
