<?php
// XML Signature with DOM and OpenSSL, for the one shape that this service uses, and reading XML that strangers send.

declare(strict_types=1);

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const INCLUSIVE = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';

// What a signature may be made with: the key's type and the hash. What is not in the list is refused.
const METHODS = [
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256' => [OPENSSL_KEYTYPE_RSA, OPENSSL_ALGO_SHA256],
    'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256' => [OPENSSL_KEYTYPE_EC, OPENSSL_ALGO_SHA256],
    'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384' => [OPENSSL_KEYTYPE_EC, OPENSSL_ALGO_SHA384],
];

final class Untrusted extends Exception {}  // Whatever came, it is not a signed answer of the service.

// --- Signing and verifying ----------------------------------------------------------------------------------------------

/** The document's root element as text, signed: ds:Signature becomes its last child. */
function signed(DOMDocument $document, OpenSSLAsymmetricKey $key, string $certificate, bool $exclusive): string
{
    ['type' => $type, 'bits' => $bits] = openssl_pkey_get_details($key);
    $hash = $type === OPENSSL_KEYTYPE_EC && $bits === 384 ? OPENSSL_ALGO_SHA384 : OPENSSL_ALGO_SHA256;
    $method = array_search([$type, $hash], METHODS, true);
    // [enveloped] alone leaves a node set, and XML Signature then takes inclusive C14N to make octets of it.
    $transforms = $exclusive ? [ENVELOPED, EXCLUSIVE] : [ENVELOPED];
    $written = implode(array_map(fn ($one) => "<ds:Transform Algorithm=\"$one\"/>", $transforms));
    $c14n = $exclusive ? EXCLUSIVE : INCLUSIVE;
    $digest = base64_encode(hash('sha256', $document->C14N($exclusive), true));
    [$ds, $sha256, $der] = [DS, SHA256, base64_encode(der($certificate))];
    $fragment = $document->createDocumentFragment();
    $fragment->appendXML("<ds:Signature xmlns:ds=\"$ds\"><ds:SignedInfo>"
        . "<ds:CanonicalizationMethod Algorithm=\"$c14n\"/><ds:SignatureMethod Algorithm=\"$method\"/>"
        . "<ds:Reference URI=\"\"><ds:Transforms>$written</ds:Transforms><ds:DigestMethod Algorithm=\"$sha256\"/>"
        . "<ds:DigestValue>$digest</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue/>"
        . "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>$der</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>");
    $document->documentElement->appendChild($fragment);
    [$info, $value] = elements($document->documentElement->lastElementChild);
    // Canonicalised where it stands: inclusive C14N writes the declarations of the elements around it as well.
    openssl_sign($info->C14N($exclusive), $signature, $key, $hash);
    $value->textContent = base64_encode($type === OPENSSL_KEYTYPE_EC ? plain_of($signature, $bits) : $signature);
    return $document->saveXML($document->documentElement);
}

/** Verifies an answer; gives it back parsed anew from the octets that were digested, so that nothing else can be read. */
function verified(DOMElement $payload, string $name, string $anchors): DOMElement
{
    // It was signed as a document of its own, before it was put into the envelope. importNode() does not serve here: it moves
    // declarations of namespaces (xmlns:ds) up to the root, and inclusive C14N then gives other octets.
    $document = parsed($payload->ownerDocument->saveXML($payload));
    $root = $document->documentElement;
    demand($root->namespaceURI === SERVICE && $root->localName === $name, "it is no $name");
    $signatures = $document->getElementsByTagNameNS(DS, 'Signature');
    demand($signatures->length === 1 && $signatures[0] === $root->lastElementChild, 'it has not one signature, as last child');
    [$info, $value, $key_info] = parts($signatures[0], 'SignedInfo', 'SignatureValue', 'KeyInfo');
    [$canonicalisation, $method, $reference] = parts($info, 'CanonicalizationMethod', 'SignatureMethod', 'Reference');
    [$transforms, $digest_method, $digest] = parts($reference, 'Transforms', 'DigestMethod', 'DigestValue');
    [$x509] = parts($key_info, 'X509Data');
    [$certificate] = parts($x509, 'X509Certificate');
    $algorithms = array_map(algorithm(...), elements($transforms));
    demand($reference->getAttribute('URI') === '', 'the signature covers something else');
    demand(in_array($algorithms, [[ENVELOPED], [ENVELOPED, EXCLUSIVE]], true), 'unknown transforms');
    demand(in_array(algorithm($canonicalisation), [INCLUSIVE, EXCLUSIVE], true), 'unknown canonicalisation');
    demand(isset(METHODS[algorithm($method)]) && algorithm($digest_method) === SHA256, 'unknown method');
    // The signature over SignedInfo, which holds the digest of the rest.
    $signer = openssl_x509_read(pem(octets($certificate)));
    demand($signer && is_trusted($signer, $anchors), 'its signer is not trusted');
    [$type, $hash] = METHODS[algorithm($method)];
    $key = openssl_pkey_get_public($signer);
    demand(openssl_pkey_get_details($key)['type'] === $type, 'the method is not for this key');
    $signature = $type === OPENSSL_KEYTYPE_EC ? der_of(octets($value)) : octets($value);
    demand(openssl_verify($info->C14N(algorithm($canonicalisation) === EXCLUSIVE), $signature, $key, $hash) === 1, 'SignedInfo');
    // The digest over the document without its signature.
    $root->removeChild($signatures[0]);
    $covered = $document->C14N(in_array(EXCLUSIVE, $algorithms, true));
    demand(hash_equals(hash('sha256', $covered, true), octets($digest)), 'the digest');
    return parsed($covered)->documentElement;
}

/** Was the certificate of an answer's signer issued by one of the authorities in services.pem? */
function is_trusted(OpenSSLCertificate $signer, string $anchors): bool
{
    $about = openssl_x509_parse($signer);
    // A test bench's clock may stand years ahead of this machine's, so the date is one at which the signer's certificate
    // is valid. In production write: $at = time(); if ($at < $about['validFrom_time_t'] || …) return false;
    $at = intdiv($about['validFrom_time_t'] + $about['validTo_time_t'], 2);
    if (!allows($about, 'CA:FALSE', 'Digital Signature')) {
        return false;
    }
    preg_match_all('/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/s', $anchors, $found);
    foreach ($found[0] as $pem) {
        $issuer = openssl_x509_parse($pem);
        $in_force = $issuer['validFrom_time_t'] <= $at && $at <= $issuer['validTo_time_t'];
        if ($issuer['subject'] === $about['issuer'] && $in_force && allows($issuer, 'CA:TRUE', 'Certificate Sign')
            && openssl_x509_verify($signer, $pem) === 1) {
            return true;
        }
    }
    return false;
}

function allows(array $about, string $constraint, string $use): bool
{
    $extensions = $about['extensions'] ?? [];
    return in_array($constraint, explode(', ', $extensions['basicConstraints'] ?? ''), true)
        && in_array($use, explode(', ', $extensions['keyUsage'] ?? ''), true);
}

/** ECDSA: OpenSSL writes r and s as a DER sequence, XML Signature side by side in the curve's length. */
function plain_of(string $der, int $bits): string
{
    $length = intdiv($bits + 7, 8);
    $place = 2;  // after the sequence's tag and length, which is one octet for curves up to 384 bits
    foreach ([0, 1] as $which) {
        $size = ord($der[$place + 1]);
        $number[$which] = str_pad(ltrim(substr($der, $place + 2, $size), "\0"), $length, "\0", STR_PAD_LEFT);
        $place += 2 + $size;
    }
    return implode($number);
}

function der_of(string $plain): string
{
    demand(in_array(strlen($plain), [64, 96], true), 'the length of the signature');
    $content = '';
    foreach (str_split($plain, intdiv(strlen($plain), 2)) as $half) {
        $number = ltrim($half, "\0");
        $number = $number === '' || ord($number[0]) > 127 ? "\0$number" : $number;  // a high first bit would mean minus
        $content .= "\x02" . chr(strlen($number)) . $number;
    }
    return "\x30" . chr(strlen($content)) . $content;
}

// --- Reading ------------------------------------------------------------------------------------------------------------

/** Parses without entities, without a network. A document type is how attacks on parsers begin; no SOAP message has one. */
function parsed(string $xml): DOMDocument
{
    libxml_clear_errors();
    $document = new DOMDocument();
    demand($xml !== '' && $document->loadXML($xml, LIBXML_NONET) && $document->doctype === null, 'it is no plain XML');
    demand(libxml_get_errors() === [], 'it is no XML with namespaces');  // loadXML() takes prefixes that is not declared
    return $document;
}

/** The one element in the Body of a SOAP 1.1 envelope. */
function payload(string $xml): DOMElement
{
    $envelope = parsed($xml)->documentElement;
    $is_body = fn (DOMElement $one) => $one->namespaceURI === SOAP && $one->localName === 'Body';
    $bodies = array_values(array_filter(elements($envelope), $is_body));
    demand($envelope->namespaceURI === SOAP && $envelope->localName === 'Envelope' && count($bodies) === 1, 'it is no SOAP');
    demand(count($inside = elements($bodies[0])) === 1, 'the body has not one element');
    return $inside[0];
}

/** @return list<DOMElement> */
function elements(DOMElement $parent): array
{
    return array_values(array_filter(iterator_to_array($parent->childNodes), fn ($one) => $one instanceof DOMElement));
}

/** The children of an element of XML Signature, which must be exactly these. @return list<DOMElement> */
function parts(DOMElement $parent, string ...$names): array
{
    $found = elements($parent);
    $given = array_map(fn ($one) => [$one->namespaceURI, $one->localName], $found);
    demand($given === array_map(fn ($name) => [DS, $name], $names), 'its signature has another shape');
    return $found;
}

/** The Algorithm of an element; parameters inside could change what it means, so there must be none. */
function algorithm(DOMElement $element): string
{
    demand(elements($element) === [], 'a method has parameters');
    return $element->getAttribute('Algorithm');
}

/** What an element holds in base64. */
function octets(DOMElement $element): string
{
    $octets = base64_decode($element->textContent, true);  // true: no other characters in between, which are else ignored
    demand($octets !== false, "$element->localName is no base64");
    return $octets;
}

/** The one child of an answer with this name. */
function only(DOMElement $parent, string $name): DOMElement
{
    $found = array_values(array_filter(elements($parent), fn ($one) => $one->namespaceURI === null && $one->localName === $name));
    demand(count($found) === 1, "it has not one $name");
    return $found[0];
}

function demand(bool $holds, string $otherwise): void
{
    $holds || throw new Untrusted("the answer counts for nothing: $otherwise");
}

function der(string $pem): string
{
    return base64_decode(preg_replace('/-----[A-Z ]+-----/', '', $pem));
}

function pem(string $der): string
{
    return "-----BEGIN CERTIFICATE-----\n" . chunk_split(base64_encode($der), 64, "\n") . "-----END CERTIFICATE-----\n";
}
