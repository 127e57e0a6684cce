"""Texts of the probable causes: what happened, what it means and the next step.

docs/integrators/explain.md lists them. The English text is the message id; `locale/` holds the Finnish and the Swedish
one. Names of XML Signature stay as they are in every language.
"""

from collections.abc import Mapping

from sinetti.diagnostics.causes import Cause
from sinetti.i18n.translate import gettext_noop

GUESSES: Mapping[Cause, str] = {
    Cause.INDENTED: gettext_noop(
        "The message was reformatted after signing. White space was added between its elements or around "
        "its values. Sign last and send exactly the bytes that were signed. Nothing may indent or wrap "
        "them afterwards."
    ),
    Cause.UNINDENTED: gettext_noop(
        "White space between the elements was signed and then removed. Sign the message in the form in "
        "which you send it."
    ),
    Cause.LINE_ENDS: gettext_noop(
        "Line endings changed between signing and sending (CR LF and LF). Write base64 on one line or "
        "with LF only, and do not change line endings after signing."
    ),
    Cause.FIELD_ADDED: gettext_noop(
        "An element or a processing instruction was added after signing. Fill in the whole message first, and sign "
        "last."
    ),
    Cause.ATTRIBUTES_ADDED: gettext_noop(
        "Attributes such as xsi:type were added after signing, usually by a SOAP library. Sign what the "
        "library wrote, or give it the signed bytes to send unchanged."
    ),
    Cause.PREFIX_RENAMED: gettext_noop(
        "A namespace prefix was changed after signing, usually by a SOAP library. Prefixes are part of "
        "what is signed. Send the signed bytes unchanged."
    ),
    Cause.DECLARATIONS_CHANGED: gettext_noop(
        "Namespace declarations were added or lost after signing. Inclusive C14N signs them too. Keep "
        "them unchanged, or sign with the transforms enveloped-signature and exclusive C14N."
    ),
    Cause.DEFAULT_NAMESPACE: gettext_noop(
        "The SOAP envelope declares a default namespace. Elements of the message that had no namespace "
        "when signed became part of it. Give the envelope's namespace a prefix."
    ),
    Cause.CHARACTERS_RECODED: gettext_noop(
        "Letters such as ä were encoded differently after signing (composed or decomposed, Unicode NFC or "
        "NFD). Normalise texts before signing, never after it."
    ),
    Cause.ESCAPED_TWICE: gettext_noop(
        "Special characters such as & < > were escaped differently when signed: twice, or not at all. Let "
        "the XML library escape each value once, before signing."
    ),
    Cause.TEXT_TRIMMED: gettext_noop(
        "White space in a value was trimmed, collapsed or added after signing, or a no-break space became an "
        "ordinary one. Trim the values first, then sign, and send exactly the bytes that were signed."
    ),
    Cause.BASE64_WRAPPED: gettext_noop(
        "The line breaks of a base64 value changed after signing. Write base64 on one line before signing, "
        "and do not wrap or join it afterwards."
    ),
    Cause.REORDERED: gettext_noop(
        "The elements were in another order when they were signed. Write them in the order of the WSDL, "
        "then sign, and do not sort them afterwards."
    ),
    Cause.FIELD_DROPPED: gettext_noop(
        "An element was signed that the message no longer contains, often an empty or optional one. Sign "
        "exactly the elements that you send."
    ),
    Cause.FILLED_IN: gettext_noop(
        "A value was filled in after signing: it was still empty or a placeholder when signed. Fill in all "
        "values first, then sign."
    ),
    Cause.VALUE_CHANGED: gettext_noop(
        "A value was changed after signing. It had another form when it was signed. Convert every value "
        "first, then sign."
    ),
    Cause.GARBLED: gettext_noop(
        "Letters such as ä were garbled or lost (?) after signing or before it, because UTF-8 was read or written "
        "as another character set. Use UTF-8 everywhere, when reading as well as when writing."
    ),
    Cause.NAMESPACE_CHANGED: gettext_noop(
        "Child elements were in another namespace when signed, usually because a default namespace (xmlns) "
        "was added or removed. Only the root element has the namespace of the service."
    ),
    Cause.TEXT_CHANGED: gettext_noop(
        "The digest does not match this text, nor any known form of it. The text was changed after signing, or the "
        "signature is that of another message. Compare the bytes that your program digested with the canonical form "
        "received. --signed FILE shows the first difference."
    ),
    Cause.SIGNED_INFO_CHANGED: gettext_noop(
        "This key made the signature, but over a different SignedInfo from the one sent. Change nothing "
        "in SignedInfo after computing SignatureValue, not even white space."
    ),
    Cause.IN_ENVELOPE: gettext_noop(
        "The message was signed inside its SOAP envelope. Sign the request element as a document of its "
        "own, and only then put it in the envelope."
    ),
    Cause.SIGNATURE_LEFT_IN: gettext_noop(
        "The digest includes the signature element itself. The transform enveloped-signature removes it. "
        "Compute the digest of the document without ds:Signature."
    ),
    Cause.INCLUSIVE: gettext_noop(
        "Inclusive C14N was used, but the signature states exclusive C14N. Use exclusive C14N "
        "(xml-exc-c14n#), or state the form that you use. Without a C14N transform, it is inclusive C14N "
        "1.0."
    ),
    Cause.EXCLUSIVE: gettext_noop(
        "Exclusive C14N was used, but the signature states inclusive C14N. A namespace declaration added "
        "after signing has the same effect. Add the transform xml-exc-c14n# after enveloped-signature. "
        "Alone, enveloped-signature means inclusive C14N 1.0."
    ),
    Cause.PREFIX_LIST: gettext_noop(
        "The prefixes in InclusiveNamespaces (PrefixList) are not those used for the digest. Leave out PrefixList, "
        "or apply exactly the list that is stated."
    ),
    Cause.COMMENTS: gettext_noop(
        "C14N with comments was used, but the signature states C14N without comments. Canonicalise "
        "without comments, or send no comments."
    ),
    Cause.NOT_CANONICAL: gettext_noop(
        "The raw text was digested or signed instead of its canonical form. Canonicalise first: double quotes, "
        "start and end tags for empty elements, sorted attributes, and no line break, NUL or other byte after the "
        "root."
    ),
    Cause.REFERENCES: gettext_noop(
        "The text was digested with CDATA or references such as &quot;, &apos; and &#228; as they are written. C14N "
        "writes the characters themselves. Digest the canonical form."
    ),
    Cause.BYTE_ORDER_MARK: gettext_noop(
        "The byte order mark (BOM) at the start of the file was digested or signed too. Canonicalise first, "
        "or write UTF-8 without BOM."
    ),
    Cause.DECLARATION_SIGNED: gettext_noop(
        "The XML declaration (<?xml …?>) was digested or signed too. A canonical form has none. Canonicalise first."
    ),
    Cause.OTHER_ENCODING: gettext_noop(
        "The text was digested or signed in another character encoding, such as UTF-16 or ISO-8859-1. A "
        "canonical form is always UTF-8. Encode it as UTF-8 before hashing."
    ),
    Cause.NAMESPACE_MISSING: gettext_noop(
        "A namespace declaration (xmlns) was missing from the text that was digested or signed. Do not "
        "build the text yourself. Canonicalise the parsed XML, which adds the declarations."
    ),
    Cause.PART_DIGESTED: gettext_noop(
        'The digest covers only a part of the message, such as its content or one value. URI="" means the '
        "whole request element without ds:Signature."
    ),
    Cause.NOTHING_DIGESTED: gettext_noop(
        "The digest or the signature is of empty content: nothing was given to the hash function. Check "
        "that the canonical form is written before it is hashed, and read from its start."
    ),
    Cause.INFO_RAW: gettext_noop(
        "SignedInfo was signed as text instead of in its canonical form. Canonicalise it first: with its "
        "xmlns declaration, with start and end tags for empty elements, and without an XML declaration."
    ),
    Cause.DIGEST_FILLED_IN: gettext_noop(
        "SignedInfo was signed while DigestValue was still empty. Compute the digest, put it in SignedInfo, "
        "and only then sign SignedInfo."
    ),
    Cause.DIGEST_SIGNED: gettext_noop(
        "The digest itself was signed. XML Signature signs the canonical form of SignedInfo, which contains "
        "the digest. Give SignedInfo to the signing function."
    ),
    Cause.OTHER_PART: gettext_noop(
        "Another part of the signature was signed instead of SignedInfo. Sign the canonical form of the "
        "whole SignedInfo element, and nothing else."
    ),
    Cause.DOCUMENT_SIGNED: gettext_noop(
        "The document itself was signed. XML Signature signs SignedInfo, which contains the document's "
        "digest. Build SignedInfo first, canonicalise it and sign it."
    ),
    Cause.DIGEST_METHOD: gettext_noop(
        "The digest was computed with a different hash function from the one in DigestMethod. Use SHA-256 "
        "in both places."
    ),
    Cause.DIGEST_IN_HEX: gettext_noop(
        "DigestValue contains the digest as hexadecimal digits. Write the bytes of the digest directly in base64."
    ),
    Cause.DIGEST_ENCODED_TWICE: gettext_noop(
        "DigestValue was encoded in base64 twice. Encode the bytes of the digest once."
    ),
    Cause.DIGEST_TWICE: gettext_noop(
        "The digest was computed over a digest or over base64 instead of the canonical form. Hash the "
        "canonical form itself, once."
    ),
    Cause.DIGEST_ENCODING: gettext_noop(
        "DigestValue contains the right digest in a wrong form: its bytes are reversed or cut off. Write "
        "all bytes of the digest in their order, in base64."
    ),
    Cause.SIGNATURE_HASH: gettext_noop(
        "The signature was not made with the hash function that SignatureMethod states. Use the stated "
        "one, for example SHA-256 with rsa-sha256."
    ),
    Cause.HASHED_TWICE: gettext_noop(
        "The hash of SignedInfo was signed, so it was hashed twice. Give SignedInfo itself to the signing "
        "function, or use a function that takes a hash."
    ),
    Cause.NO_DIGEST_INFO: gettext_noop(
        "The RSA signature contains the bare hash without DigestInfo. PKCS#1 v1.5 puts the name of the "
        "hash function before the hash. Use a signing function, not one that encrypts with the private "
        "key."
    ),
    Cause.PSS: gettext_noop(
        "The signature was made with RSA-PSS padding, but SignatureMethod states PKCS#1 v1.5. Use PKCS#1 v1.5 padding."
    ),
    Cause.KEY_KIND: gettext_noop(
        "SignatureMethod does not fit the type of the certificate's key. State rsa-sha256 for an RSA key "
        "and ecdsa-sha256 for an EC key."
    ),
    Cause.SIGNATURE_METHOD: gettext_noop(
        "The key is right, but the signature was not made by the method that SignatureMethod states. Give "
        "SignedInfo itself to the signing function of that method."
    ),
    Cause.ECDSA_IN_DER: gettext_noop(
        "The ECDSA signature is in DER, as most libraries return it. XML Signature needs r and s one "
        "after the other: 64 bytes for P-256, 96 for P-384."
    ),
    Cause.ECDSA_ZEROS: gettext_noop(
        "r or s of the ECDSA signature has lost leading zero bytes or has one too many. Write each at full length: "
        "32 bytes for P-256, 48 for P-384."
    ),
    Cause.VALUE_TWICE: gettext_noop(
        "SignatureValue was encoded in base64 twice. Encode the bytes of the signature once."
    ),
    Cause.VALUE_IN_HEX: gettext_noop(
        "SignatureValue contains the signature as hexadecimal digits. Write the bytes of the signature "
        "directly in base64."
    ),
    Cause.VALUE_REVERSED: gettext_noop(
        "The bytes of SignatureValue are in the wrong order (little-endian, as CryptoAPI returns them, or s "
        "before r). Reverse them before encoding them in base64."
    ),
    Cause.THROUGH_TEXT: gettext_noop(
        "The bytes of {element} were handled as text, and the conversion to UTF-8 changed them. Encode the bytes "
        "directly in base64, without a string in between."
    ),
    Cause.VALUE_LENGTH: gettext_noop(
        "SignatureValue has the wrong length for this key: it was cut off, padded, encoded in another way, "
        "or made with a key of another size. Write all bytes of the signature in base64, once."
    ),
    Cause.CMS: gettext_noop(
        "SignatureValue contains a CMS (PKCS#7) structure instead of a plain signature. Use the function "
        "that returns the signature value alone."
    ),
    Cause.WRONG_KEY: gettext_noop(
        "The signature was not made with the key of the certificate in it. Sign with the private key that "
        "belongs to this certificate, or include the certificate that belongs to the key. If they do "
        "belong together, SignedInfo was changed after signing."
    ),
    Cause.OTHER_CERTIFICATE: gettext_noop(
        "The signature was made with the key of a different certificate from the one in X509Certificate. "
        "Put the certificate of the signing key there. A renewal changes both the key and the "
        "certificate."
    ),
    Cause.NEW_KEY: gettext_noop(
        "The signature was made with the new key of the certificate signing request. Sign a renewal with "
        "the key of the certificate that is in use now."
    ),
    Cause.NOT_OURS: gettext_noop(
        "The certificate in the signature was not issued by this service. Sign with an organisation's "
        "certificate that you retrieved from this service for this environment."
    ),
    Cause.NOT_REGISTERED: gettext_noop(
        "The signature matches and the certificate names this service, but the certificate is not in the "
        "service's register. Sign with the certificate exactly as you retrieved it."
    ),
    Cause.EXPIRED: gettext_noop(
        "The certificate in the signature has expired. Order a new one in the e-service (Settings > Technical "
        "interface and certificates)."
    ),
    Cause.NOT_YET_VALID: gettext_noop(
        "The certificate in the signature is not valid yet. Use it only after its validity has begun. If "
        "it has begun, check the clock."
    ),
    Cause.KEY_NOT_ACCEPTED: gettext_noop(
        "The key in {element} is not accepted: {content}. Its type, size, curve or exponent is not allowed, or it "
        "is known to be weak. Use RSA 2048 to 4096, P-256 or P-384."
    ),
    Cause.NO_CERTIFICATE: gettext_noop(
        "The signature contains no certificate where it is expected. Put the signing certificate in "
        "KeyInfo/X509Data/X509Certificate."
    ),
    Cause.CHAIN: gettext_noop(
        "KeyInfo contains several certificates, such as the chain of the CA. Leave only the certificate of "
        "the signing key in X509Certificate."
    ),
    Cause.CA_CERTIFICATE: gettext_noop(
        "The certificate in X509Certificate belongs to a CA. Put the organisation's own certificate "
        "there, the one of the signing key."
    ),
    Cause.PEM: gettext_noop(
        "X509Certificate contains PEM: the lines BEGIN and END are in the value. Write only the base64 "
        "between these lines."
    ),
    Cause.CERTIFICATE_TWICE: gettext_noop(
        "X509Certificate was encoded in base64 twice, or as hexadecimal digits. Encode the DER of the certificate in "
        "base64, once."
    ),
    Cause.OTHER_CONTENT: gettext_noop(
        "{element} contains something else: {content}. X509Certificate needs a certificate, and CertificateRequest "
        "a signed certificate signing request (PKCS#10), each in DER, as base64."
    ),
    Cause.CERTIFICATE_UNREADABLE: gettext_noop(
        "The content of X509Certificate is not a readable certificate. Put the certificate there in DER, "
        "as base64, without the lines BEGIN and END."
    ),
    Cause.EMPTY: gettext_noop("The file is empty. Save the body of the HTTP request as it was sent."),
    Cause.OTHER_FILE: gettext_noop(
        "This is no message, but {content}. Give the body of the HTTP request; sinetti inspect shows certificates and "
        "their requests."
    ),
    Cause.NOT_XML: gettext_noop(
        "This is not readable XML. Use one document in UTF-8 without DOCTYPE. Save only the body of the "
        "HTTP request, without its headers."
    ),
    Cause.NOT_UTF_8: gettext_noop(
        "The message is not in UTF-8: its bytes or its XML declaration are of another encoding, such as "
        "UTF-16 or ISO-8859-1. Write and declare UTF-8."
    ),
    Cause.ENCODED: gettext_noop(
        "The message is compressed (gzip) or encoded (URL, JSON, base64). Send the XML itself as text/xml, without "
        "Content-Encoding, and not as a form."
    ),
    Cause.DOCTYPE: gettext_noop(
        "The message contains a DOCTYPE, which is not accepted. Write XML without DOCTYPE and without "
        "entities of your own."
    ),
    Cause.NOT_ESCAPED: gettext_noop(
        "A character is not escaped correctly: a bare &, or an entity that XML does not know, such as "
        "&auml;. Write &amp; for &, and other characters as they are in UTF-8."
    ),
    Cause.CUT_OFF: gettext_noop(
        "The message is not complete: its end is missing. Check that Content-Length counts bytes instead of "
        "characters, and send all of them."
    ),
    Cause.UNDECLARED: gettext_noop(
        "A namespace prefix is used without its declaration (xmlns). Declare every prefix on the element "
        "that uses it or above it."
    ),
    Cause.DECLARATION_INSIDE: gettext_noop(
        "An XML declaration (<?xml …?>) or a byte order mark (BOM) is in the middle of the message. Remove it from the "
        "request before you put the request into the envelope."
    ),
    Cause.NOT_THE_BODY_ALONE: gettext_noop(
        "The file contains more than the message: HTTP headers, a multipart body, or bytes before the XML "
        "or after it. Send and save only the XML."
    ),
    Cause.NOT_SOAP_11: gettext_noop(
        "This is not a SOAP 1.1 envelope with a message in its Body. Write Envelope, Header and Body exactly so, in "
        "the namespace http://schemas.xmlsoap.org/soap/envelope/, and send it as text/xml."
    ),
    Cause.AS_TEXT: gettext_noop(
        "The request is inside the SOAP envelope as text (escaped or in CDATA) and not as XML elements. "
        "Insert it as an element, without escaping it."
    ),
    Cause.WRAPPED: gettext_noop(
        "The request is inside another element. Put it directly into the Body of the SOAP envelope "
        "(document/literal), without an element for the operation or a second envelope around it."
    ),
    Cause.NOTHING_SIGNED: gettext_noop(
        "Messages of this kind have no signature, and no error was found in what can be seen. Other reasons for a "
        "refusal are only in the register of the service."
    ),
    Cause.NO_SIGNATURE: gettext_noop(
        "There is no signature (ds:Signature of XML Signature). Sign the whole element, and add the "
        "signature as its last child."
    ),
    Cause.OUTSIDE: gettext_noop(
        "The signature is outside the message, perhaps in the SOAP header (WS-Security). Put ds:Signature "
        "in the request element, as its last child."
    ),
    Cause.MISPLACED: gettext_noop(
        "There must be only one signature, and it must be the last child of the signed element. Put it "
        "there, after all fields."
    ),
    Cause.ELSEWHERE: gettext_noop(
        'The signature\'s Reference does not point to the whole message. Write URI="" there. It means the '
        "element as a document of its own."
    ),
    Cause.NOT_CUT: gettext_noop(
        "The message cannot be extracted from its envelope as a document of its own. Body must contain exactly one "
        "element and nothing else."
    ),
    Cause.RELATIVE_NAMESPACE: gettext_noop(
        "A namespace name in the message is relative, such as xmlns. It has no canonical form. A library probably "
        "wrote the declarations of the signed XML again: send the signed bytes unchanged."
    ),
    Cause.PARTS: gettext_noop(
        "The signature has unexpected parts, or its parts are in the wrong order. Use SignedInfo, "
        "SignatureValue and KeyInfo in this order, with one Reference and no Object."
    ),
    Cause.SEVERAL_REFERENCES: gettext_noop('SignedInfo contains several References. Write only one, with URI="".'),
    Cause.OBJECT: gettext_noop(
        "The signature contains an Object: the request itself (an enveloping signature), other signed content or "
        "XAdES properties. The service accepts only an enveloped signature in the request, without Object."
    ),
    Cause.OTHER_NAMESPACE: gettext_noop(
        "There is a Signature element, but not in the namespace of XML Signature. Declare "
        "http://www.w3.org/2000/09/xmldsig# for it."
    ),
    Cause.NOT_ENVELOPED: gettext_noop(
        "The transform enveloped-signature is missing. State it as the first transform of the Reference, "
        "and remove ds:Signature before digesting."
    ),
    Cause.TRANSFORM_ORDER: gettext_noop(
        "The transforms are in the wrong order. State enveloped-signature first, then exclusive C14N."
    ),
    Cause.METHOD: gettext_noop(
        "{place} names a method that is not accepted: {method}. Use the transforms enveloped-signature and "
        "exclusive C14N, the digest SHA-256, and RSA-SHA256 or ECDSA-SHA256, all without comments and "
        "parameters."
    ),
    Cause.BASE64URL: gettext_noop(
        "{element} is written in base64url (- and _) or without = at its end. Write it in ordinary base64, with + "
        "and / and all of its =."
    ),
    Cause.PLUS_LOST: gettext_noop(
        "{element} contains spaces where base64 has plus signs. A form decoder replaced them. Send the "
        "message as text/xml, without URL encoding."
    ),
    Cause.FOREIGN_ESCAPE: gettext_noop(
        "{element} contains escapes of another format, such as \\n of JSON, %2B of a URL or =3D of MIME. Decode them "
        "before writing the value: it must be plain base64."
    ),
    Cause.NOT_BASE64: gettext_noop(
        "{element} is not base64, or it is empty because the signature was never completed. Write DigestValue, "
        "SignatureValue and X509Certificate in base64."
    ),
    Cause.BYTE_ARRAY: gettext_noop(
        "{element} contains the text of an object or a byte array, such as [object Promise], b'…', "
        "System.Byte[] or numbers with commas, or quotation marks. Encode the bytes (of a Promise, those "
        "of its result) in base64, and write only that."
    ),
    Cause.VALUE_CUT: gettext_noop(
        "{element} is cut off: its end is missing. Write the whole value, and check the length of fields and lines "
        "in your program."
    ),
    Cause.OTHER_OPERATION: gettext_noop(
        "The request element has another name or namespace than in the WSDL, such as the name of the operation. "
        "Write {element} in the namespace http://certificates.vero.fi/2017/10/certificateservices, and its elements "
        "directly in it."
    ),
    Cause.QUALIFIED: gettext_noop(
        "Elements inside the request are in a namespace. Only the request element itself belongs to the "
        "namespace of the service. Write the others without prefix and without xmlns."
    ),
    Cause.SCHEMA_ORDER: gettext_noop(
        "The elements of the request are not in the order of the WSDL, beginning at {element}. Write them "
        "in that order."
    ),
    Cause.ELEMENT_MISSING: gettext_noop(
        "The request has no {element}, which the WSDL requires. Add it in its place, spelled exactly like this, "
        "before any signing."
    ),
    Cause.SCHEMA: gettext_noop(
        "The request does not follow the WSDL at {element}. Its value is empty, too long or of another "
        "type, or the element is not known. Compare it with the WSDL."
    ),
    Cause.IDS_SWAPPED: gettext_noop(
        "TransferId and TransferPassword have changed places. Put each in its own element."
    ),
    Cause.FOREIGN_CHARACTERS: gettext_noop(
        "{element} contains characters that it never has, such as a space, a long dash or a number in scientific "
        "notation. Copy the value unchanged, as text."
    ),
    Cause.UNEXPECTED: gettext_noop(
        "{element} does not belong here: this request has no such element, or has it only once. Compare the request "
        "with the WSDL."
    ),
    Cause.CSR_IN_PEM: gettext_noop(
        "CertificateRequest contains PEM: the lines BEGIN and END are in the value. Write only the base64 "
        "between these lines."
    ),
    Cause.CSR_TWICE: gettext_noop(
        "CertificateRequest was encoded in base64 twice, or as hexadecimal digits. Encode the DER of the certificate "
        "signing request in base64, once."
    ),
    Cause.PRIVATE_KEY: gettext_noop(
        "{element} contains a private key ({content}). Treat this key as disclosed and create a new one. Never send "
        "a private key to the service."
    ),
    Cause.CSR_SIGNATURE: gettext_noop(
        "The certificate signing request is not signed with its own key, or its hash function is not "
        "accepted. Create it again with SHA-256 and the key that it contains."
    ),
    Cause.OTHER_ENVIRONMENT: gettext_noop(
        "Environment is {content}, and this service is the other one. Correct the value, or send the request to the "
        "address of that environment."
    ),
    Cause.OTHER_CUSTOMER: gettext_noop(
        "CustomerId is not that of the certificate, which is {content}. Renew each certificate with the ID of its "
        "own organisation, and its own key."
    ),
    Cause.KEY_REUSED: gettext_noop(
        "The certificate signing request has the same key as the signing certificate. Create a new key for every "
        "certificate, and its certificate signing request."
    ),
    Cause.CSR_UNREADABLE: gettext_noop(
        "CertificateRequest is not a readable certificate signing request. It must be PKCS#10 in DER, as "
        "base64, with nothing after it."
    ),
}
"""One text for each cause."""
