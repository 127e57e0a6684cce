<?php
// A holder's program in PHP: gets a certificate (enrol) and renews it (renew), with SoapClient, DOM and OpenSSL alone.
//
//   peer.php enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY      KEY: rsa-2048, rsa-3072, p256, p384
//   peer.php renew FOLDER URL CUSTOMER_ID KEY RECIPE                             RECIPE: exclusive, inclusive
//   peer.php versions
//
// FOLDER holds server.pem (who may vouch for the server's TLS certificate) and services.pem (who may vouch for those that
// sign answers). Exit: 0 done; 1 refused by the service; 2 an answer's signature does not hold; 3 anything else.

declare(strict_types=1);

require __DIR__ . '/xmlsignature.php';

const SERVICE = 'http://certificates.vero.fi/2017/10/certificateservices';
const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const ENVIRONMENT = 'TEST';
const OPENSSL = ['config' => __DIR__ . '/request.cnf'];  // the file says why

final class Refused extends Exception {}  // The service said no; the code is 'PKI' and three digits.

/** SoapClient that keeps every message, and lets nothing through that is not signed by the service. */
final class CertificateServices extends SoapClient
{
    private DOMElement $answer;
    private string $anchors;

    public function __construct(private string $folder, private string $url)
    {
        str_starts_with($url, 'https://') || throw new Exception('without TLS anybody on the way reads the password');
        $this->anchors = read("$folder/services.pem");
        // Only the anchor in server.pem counts, not the hundred authorities that the machine trusts; PHP compares the
        // host name (or address) with the certificate itself. A redirection could carry the password elsewhere: 1 means none.
        $tls = ['cafile' => "$folder/server.pem", 'verify_peer' => true, 'verify_peer_name' => true];
        parent::__construct("$url?wsdl", [
            'stream_context' => stream_context_create(['ssl' => $tls, 'http' => ['max_redirects' => 1]]),
            'location' => $url,                 // where to send is our setting, not what a WSDL says
            'cache_wsdl' => WSDL_CACHE_NONE,    // PHP's cache is by address, in a folder that all users share
            'connection_timeout' => 20,
            'trace' => true,                    // for __getLastResponseHeaders()
        ]);
    }

    /** Calls an operation; gives the answer, verified. Refused where its Status is not OK. */
    public function call(string $operation, array|SoapVar $request): DOMElement
    {
        $this->__soapCall($operation, [$request]);
        $result = only($this->answer, 'Result');
        if (only($result, 'Status')->textContent !== 'OK') {
            $said = fn (DOMElement $one) => only($one, 'ErrorCode')->textContent . ' ' . only($one, 'ErrorMessage')->textContent;
            throw new Refused(implode("\n", array_map($said, array_slice(elements($result), 1))));
        }
        return $this->answer;
    }

    /** What PHP calls with the finished message: here are the octets that really go out and come in. */
    public function __doRequest(
        string $request, string $location, string $action, int $version, bool $oneWay = false, mixed ...$more
    ): ?string {
        $number = sprintf('%02d', count(glob("$this->folder/messages/*-request.xml")) + 1);
        keep("$this->folder/messages/$number-request.xml", $request);
        $response = parent::__doRequest($request, $location, $action, $version, $oneWay, ...$more);
        if ($response === null) {
            return null;  // not reached, or no SOAP: SoapClient throws SoapFault
        }
        keep("$this->folder/messages/$number-response.xml", $response);
        [, $status] = explode(' ', $this->__getLastResponseHeaders());
        if ($status !== '200' && $status !== '500') {  // 200: an answer, a refusal too; 500: a fault
            throw new Exception("HTTP status $status: send the same request again, later, with the same key");
        }
        $payload = payload($response);
        if ($payload->namespaceURI !== SOAP || $payload->localName !== 'Fault') {  // a Fault becomes SoapFault
            try {
                $this->answer = verified($payload, ucfirst($action) . 'Response', $this->anchors);
            } catch (ErrorException $warning) {  // a certificate that OpenSSL cannot read, for instance
                throw new Untrusted($warning->getMessage());
            }
        }
        return $response;
    }
}

// --- The two commands -------------------------------------------------------------------------------------------------

function enrol(string $folder, string $url, string $customer, string $id, string $password, string $type): void
{
    $service = new CertificateServices($folder, $url);
    // The key is on disk before it is used: if the answer gets lost, the same command again (same transfer ids, same key)
    // gets the same answer. With another key it would be refused, since transfer ids are for one key.
    $key = key_in("$folder/key.pem", $type);
    $retrieval_id = retrieval_id_in("$folder/retrieval-id", fn () => $service->call('signNewCertificate', [
        'Environment' => ENVIRONMENT,
        'CustomerId' => $customer,
        'TransferId' => $id,
        'TransferPassword' => $password,
        'CertificateRequest' => certificate_request($key, $customer),  // DER: SoapClient writes the base64
    ]));
    fetch($service, $customer, $retrieval_id, $key, "$folder/certificate.pem");
    unlink("$folder/retrieval-id");
}

function renew(string $folder, string $url, string $customer, string $type, string $recipe): void
{
    $exclusive = match ($recipe) { 'exclusive' => true, 'inclusive' => false };
    $service = new CertificateServices($folder, $url);
    $next = key_in("$folder/next-key.pem", $type);
    // The request is written and signed as a document of its own. XSD_ANYXML has SoapClient put it into its envelope octet
    // for octet; given as an array, SoapClient would write other octets than those that were signed.
    $request = signed(
        renewal_request($customer, certificate_request($next, $customer)),
        openssl_pkey_get_private(read("$folder/key.pem")),
        read("$folder/certificate.pem"),
        $exclusive,
    );
    $ask = fn () => $service->call('renewCertificate', new SoapVar($request, XSD_ANYXML));
    $retrieval_id = retrieval_id_in("$folder/next-retrieval-id", $ask);
    fetch($service, $customer, $retrieval_id, $next, "$folder/next-certificate.pem");
    unlink("$folder/next-retrieval-id");
}

/** Fetches a certificate, asking again while it is being made (PKI021), and keeps it if it is for this key. */
function fetch(CertificateServices $service, string $customer, string $id, OpenSSLAsymmetricKey $key, string $path): void
{
    for ($left = 10; ; $left--) {
        try {
            $answer = $service->call('getCertificate', [
                'Environment' => ENVIRONMENT, 'CustomerId' => $customer, 'RetrievalId' => $id,
            ]);
            break;
        } catch (Refused $refused) {
            if ($left === 0 || !str_starts_with($refused->getMessage(), 'PKI021 ')) {
                throw $refused;
            }
            sleep(1);
        }
    }
    $pem = pem(octets(only($answer, 'Certificate')));
    if (!openssl_x509_check_private_key($pem, $key) || openssl_x509_parse($pem)['subject']['CN'] !== $customer) {
        throw new Exception('the certificate is for another key or another customer');
    }
    keep($path, $pem);
}

// --- Keys, requests and files -------------------------------------------------------------------------------------------

/** The key in a file, made first where there is none (PKCS#8, readable by its owner alone). */
function key_in(string $path, string $type): OpenSSLAsymmetricKey
{
    if (!file_exists($path)) {
        $key = openssl_pkey_new(OPENSSL + match ($type) {
            'rsa-2048', 'rsa-3072' => ['private_key_bits' => (int) substr($type, 4)],
            'p256' => ['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1'],
            'p384' => ['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'secp384r1'],
        });
        openssl_pkey_export($key, $text, null, OPENSSL);
        keep($path, $text);
    }
    return openssl_pkey_get_private(read($path));
}

/**
 * The retrieval id in a file, asked for first where there is none. It stays there until the certificate has come: the same
 * command again then goes on where this one was stopped, also at a service that answers an order only once.
 */
function retrieval_id_in(string $path, callable $ask): string
{
    if (!file_exists($path)) {
        keep($path, only($ask(), 'RetrievalId')->textContent);
    }
    return read($path);
}

/** A PKCS#10 request in DER. The service takes the public key alone from it; the name is for people who read it. */
function certificate_request(OpenSSLAsymmetricKey $key, string $customer): string
{
    $name = ['commonName' => $customer, 'countryName' => 'FI'];
    openssl_csr_export(openssl_csr_new($name, $key, OPENSSL + ['digest_alg' => 'sha256']), $text);
    return der($text);
}

/** The root element is in the service's namespace, its children are in none, and their order is fixed. */
function renewal_request(string $customer, string $certificate_request): DOMDocument
{
    $document = new DOMDocument();
    $root = $document->appendChild($document->createElementNS(SERVICE, 'cer:RenewCertificateRequest'));
    $values = ['Environment' => ENVIRONMENT, 'CustomerId' => $customer,
        'CertificateRequest' => base64_encode($certificate_request)];
    foreach ($values as $name => $value) {
        $root->appendChild($document->createElement($name))->textContent = $value;
    }
    return $document;
}

function read(string $path): string
{
    return file_get_contents($path);
}

/** Writes beside and renames, so that a file is never half there. umask below keeps others out. */
function keep(string $path, string $octets): void
{
    is_dir(dirname($path)) || mkdir(dirname($path));
    file_put_contents("$path.part", $octets);
    rename("$path.part", $path);
}

// --- The command line -------------------------------------------------------------------------------------------------

umask(0077);
libxml_use_internal_errors(true);
// A warning (a file that is not there, a key that cannot be read) ends the program instead of being printed and forgotten.
set_error_handler(fn ($level, $text, $file, $line) => throw new ErrorException($text, 0, $level, $file, $line));
try {
    match ([$argv[1] ?? '', $argc]) {
        ['enrol', 8] => enrol(...array_slice($argv, 2)),
        ['renew', 7] => renew(...array_slice($argv, 2)),
        ['versions', 2] => printf("php %s\nopenssl %s\nlibxml2 %s\n", PHP_VERSION, explode(' ', OPENSSL_VERSION_TEXT)[1],
            LIBXML_DOTTED_VERSION),
        default => throw new Exception('usage: see the top of peer.php'),
    };
} catch (Throwable $failure) {
    fwrite(STDERR, $failure->getMessage() . "\n");
    exit(match (true) { $failure instanceof Refused => 1, $failure instanceof Untrusted => 2, default => 3 });
}
