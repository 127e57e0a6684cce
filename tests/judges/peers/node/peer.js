// A certificate and its renewal with Node: soap from the service's WSDL for the messages, xml-crypto for the signatures.
//
//   peer.js enrol FOLDER URL CUSTOMER_ID TRANSFER_ID TRANSFER_PASSWORD KEY     KEY: rsa-2048, rsa-3072, p256, p384
//   peer.js renew FOLDER URL CUSTOMER_ID KEY RECIPE                            RECIPE: exclusive, inclusive
//   peer.js versions
//
// FOLDER holds server.pem (whom TLS trusts) and services.pem (the CAs of those who sign answers). It ends with 0 when
// all is done, 1 when the service refused, 2 when an answer cannot be believed, 3 for anything else.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { DOMParser } = require('@xmldom/xmldom');
const sax = require('sax');
const soap = require('soap');
const { SignedXml } = require('xml-crypto');

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/';
const SERVICE = 'http://certificates.vero.fi/2017/10/certificateservices';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const ENVELOPED = DS + 'enveloped-signature';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const INCLUSIVE = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256';
const MORE = 'http://www.w3.org/2001/04/xmldsig-more#';

const KINDS = {
  'rsa-2048': ['rsa', { modulusLength: 2048 }],
  'rsa-3072': ['rsa', { modulusLength: 3072 }],
  p256: ['ec', { namedCurve: 'P-256' }],
  p384: ['ec', { namedCurve: 'P-384' }],
};

class Refused extends Error {} // the service said no: code and message
class NotTrusted extends Error {} // an answer's signature does not hold, or nobody we trust made it

// xml-crypto knows no ECDSA, but takes algorithms of others. XML Signature wants r and s beside each other, which Node
// calls ieee-p1363; without that it gives DER, and no verifier would take it.
function ecdsa(hash) {
  return class {
    getAlgorithmName = () => `${MORE}ecdsa-${hash}`;
    getSignature = (octets, key) =>
      crypto.sign(hash, Buffer.from(octets), { key, dsaEncoding: 'ieee-p1363' }).toString('base64');
    verifySignature = (octets, key, value) =>
      crypto.verify(hash, Buffer.from(octets), { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(value, 'base64'));
  };
}

// Which algorithm a key signs with: each P-384 key with SHA-384, all others with SHA-256.
const isEc = (key) => key.asymmetricKeyType === 'ec';
const hashOf = (key) => (isEc(key) && key.asymmetricKeyDetails.namedCurve === 'secp384r1' ? 'sha384' : 'sha256');
const methodOf = (key) => `${MORE}${isEc(key) ? 'ecdsa' : 'rsa'}-${hashOf(key)}`;

function signatures(options) {
  const made = new SignedXml(options);
  for (const hash of ['sha256', 'sha384']) made.SignatureAlgorithms[`${MORE}ecdsa-${hash}`] = ecdsa(hash);
  return made;
}

// Sign a request as a document of its own, before it is put into the envelope.
function signed(xml, privateKey, publicCert, recipe) {
  const exclusive = recipe === 'exclusive';
  const made = signatures({
    privateKey,
    publicCert, // goes into KeyInfo
    signatureAlgorithm: methodOf(privateKey),
    canonicalizationAlgorithm: exclusive ? EXCLUSIVE : INCLUSIVE,
  });
  const transforms = exclusive ? [ENVELOPED, EXCLUSIVE] : [ENVELOPED];
  made.addReference({ xpath: '/*', uri: '', isEmptyUri: true, digestAlgorithm: SHA256, transforms });
  made.computeSignature(xml, { prefix: 'ds' });
  return made.getSignedXml();
}

// Cut what the Body holds out of an envelope, character for character. An answer was signed before it was put into the
// envelope; taken out of a parsed one it could bring namespaces along that were not there when it was signed.
function cut(xml) {
  const parser = sax.parser(true, { xmlns: true });
  const names = [];
  const found = [];
  parser.onopentag = (tag) => {
    if (names.join() === `${SOAP} Envelope,${SOAP} Body` && !found.length) found.push(parser.startTagPosition - 1);
    names.push(`${tag.uri} ${tag.local}`);
  };
  parser.onclosetag = () => {
    if (names.pop() === `${SOAP} Body` && names.length === 1) found.push(parser.startTagPosition - 1);
  };
  parser.ondoctype = () => {
    throw new NotTrusted('an answer has no document type');
  };
  parser.onerror = (bad) => {
    throw new NotTrusted(bad.message);
  };
  parser.write(xml).close();
  return xml.slice(...found);
}

// Check the one signature over a whole document, which has to be this element; give what was digested, and no more.
function verified(xml, expected, anchors) {
  const strict = (level, message) => {
    throw new NotTrusted(`${level}: ${message}`);
  };
  const root = new DOMParser({ errorHandler: strict }).parseFromString(xml, 'text/xml').documentElement;
  if (root.namespaceURI !== SERVICE || root.localName !== expected) throw new NotTrusted('it answers another question');
  const one = (name) => {
    const all = root.getElementsByTagNameNS(DS, name);
    if (all.length !== 1) throw new NotTrusted(`${name} stands there ${all.length} times`);
    return all[0];
  };
  const signer = new crypto.X509Certificate(Buffer.from(one('X509Certificate').textContent, 'base64'));
  checkSigner(signer, anchors); // before its key verifies anything
  const check = signatures({ publicCert: signer.publicKey.export({ type: 'spki', format: 'pem' }) });
  const signature = one('Signature');
  check.loadSignature(signature);
  const transforms = check.references[0].transforms.join();
  if (
    one('Reference').getAttribute('URI') !== '' ||
    root.lastChild !== signature ||
    // xml-crypto writes out what [enveloped] alone implies
    ![`${ENVELOPED},${EXCLUSIVE}`, `${ENVELOPED},${INCLUSIVE}`].includes(transforms) ||
    check.references[0].digestAlgorithm !== SHA256 ||
    check.signatureAlgorithm !== methodOf(signer.publicKey) // xml-crypto would take an RSA name with an EC key
  ) {
    throw new NotTrusted('the signature has another shape than an answer of the service');
  }
  if (!check.checkSignature(xml)) throw new NotTrusted('the answer was changed after it was signed');
  return check.getSignedReferences()[0]; // never `xml` itself: it may hold what is not signed
}

// Who signs answers has a certificate, not a CA's own, that one of the anchors issued.
function checkSigner(signer, anchors) {
  // A production program takes the machine's date here. A test bench may have its clock years ahead of the machine, so
  // we take a date at which the signer's certificate was valid.
  const date = new Date(signer.validFrom);
  const within = (one) => new Date(one.validFrom) <= date && date <= new Date(one.validTo);
  const issuer = (one) => one.ca && within(one) && signer.checkIssued(one) && signer.verify(one.publicKey);
  if (signer.ca || !within(signer) || !anchors.some(issuer)) {
    throw new NotTrusted("the signer's certificate does not come from services.pem");
  }
}

// The HTTP client that soap is given: TLS trusts server.pem alone, every message is kept, and soap gets of an answer
// only what was signed. Its own client decodes and trims an answer before anybody could look at its octets.
function httpClient(folder) {
  const ca = fs.readFileSync(path.join(folder, 'server.pem'));
  const pems = fs.readFileSync(path.join(folder, 'services.pem'), 'utf8').split(/(?<=-----END CERTIFICATE-----)/);
  const anchors = pems.filter((pem) => pem.includes('BEGIN')).map((pem) => new crypto.X509Certificate(pem));
  const kept = path.join(folder, 'messages');
  fs.mkdirSync(kept, { recursive: true });
  const read = (octets, status, operation) => {
    // A refusal comes with 200; 500 is a SOAP Fault, which nobody signs.
    if (status !== 200) throw new Error(`HTTP ${status}`);
    try {
      const expected = `${operation[0].toUpperCase()}${operation.slice(1)}Response`;
      const xml = verified(cut(new TextDecoder('utf-8', { fatal: true }).decode(octets)), expected, anchors);
      return `<soap:Envelope xmlns:soap="${SOAP}"><soap:Body>${xml}</soap:Body></soap:Envelope>`;
    } catch (bad) {
      throw new NotTrusted(bad.message, { cause: bad }); // whatever its libraries call it
    }
  };
  return {
    request(url, data, callback, headers) {
      const before = fs.readdirSync(kept).filter((name) => name.endsWith('-request.xml')).length;
      const number = String(before + 1).padStart(2, '0');
      const keepMessage = (kind, octets) => data && keep(path.join(kept, `${number}-${kind}.xml`), octets);
      keepMessage('request', data);
      // Each request has a connection of its own: one that is kept may end while a key is made, which takes seconds.
      const options = { ca, agent: false, method: data ? 'POST' : 'GET', timeout: 60_000, headers: { ...headers } };
      if (data) options.headers['Content-Length'] = Buffer.byteLength(data);
      const sending = https.request(url, options, async (got) => {
        try {
          const octets = Buffer.concat(await got.toArray());
          keepMessage('response', octets);
          // The WSDL is not signed; answers are.
          const body = data ? read(octets, got.statusCode, headers.SOAPAction.slice(1, -1)) : octets.toString();
          callback(null, { status: got.statusCode, headers: got.headers, data: body }, body);
        } catch (bad) {
          callback(bad);
        }
      });
      sending.on('error', callback).on('timeout', () => sending.destroy(new Error('no answer in time')));
      sending.end(data ?? undefined);
    },
  };
}

// Write beside and rename, so that a file is never half there. The umask below keeps others out.
function keep(file, octets) {
  fs.writeFileSync(`${file}.part`, octets);
  fs.renameSync(`${file}.part`, file);
}

// Give the key in a file, made first where there is none. It is there before it is used: when an answer gets lost, the
// same command again, with the same key, is answered again. With another key it would be refused, and the transfer ids
// would have been spent for nothing.
function keyIn(file, kind) {
  if (!fs.existsSync(file)) {
    const { privateKey } = crypto.generateKeyPairSync(...KINDS[kind]);
    keep(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  }
  return crypto.createPrivateKey(fs.readFileSync(file));
}

// Give the retrieval id in a file, asked for first where there is none. It stays there until the certificate has come:
// the same command again then goes on where this one was stopped, also at a service that answers an order only once.
async function retrievalIdIn(file, ask) {
  if (!fs.existsSync(file)) keep(file, (await ask()).RetrievalId);
  return fs.readFileSync(file, 'utf8');
}

// Ask for a certificate of this key (PKCS#10, RFC 2986). Node makes none, but DER is lengths within lengths. The
// service takes the key alone; the subject is for people.
function csr(key, customerId) {
  const der = (tag, ...parts) => {
    const inside = Buffer.concat(parts);
    const n = inside.length; // written in the fewest octets: DER has one form for each length
    const size = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255];
    return Buffer.concat([Buffer.from([tag, ...size]), inside]);
  };
  const oid = (hex) => der(0x06, Buffer.from(hex, 'hex'));
  const name = der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(customerId))))); // CN, UTF8String
  const publicKey = crypto.createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = der(0x30, der(0x02, Buffer.from([0])), name, publicKey, der(0xa0));
  const algorithm = isEc(key)
    ? der(0x30, oid(hashOf(key) === 'sha384' ? '2a8648ce3d040303' : '2a8648ce3d040302')) // ecdsa-with-SHA384, -SHA256
    : der(0x30, oid('2a864886f70d01010b'), der(0x05)); // sha256WithRSAEncryption
  const value = der(0x03, Buffer.from([0]), crypto.sign(hashOf(key), info, key));
  return der(0x30, info, algorithm, value).toString('base64');
}

// The address is the one we were told, whatever the WSDL says.
const connect = (folder, url) =>
  soap.createClientAsync(`${url}?wsdl`, { endpoint: url, httpClient: httpClient(folder), disableCache: true });

async function call(client, operation, fields) {
  const [answer] = await client[`${operation}Async`](fields);
  if (answer?.Result?.Status !== 'OK') {
    const { ErrorCode, ErrorMessage } = answer.Result.ErrorInfo[0];
    throw new Refused(`${ErrorCode} ${ErrorMessage}`);
  }
  return answer;
}

// Fetch a certificate; while it is being issued, ask again. Checks that it is of our key.
async function fetchCertificate(client, who, RetrievalId, key, file) {
  for (let left = 10; ; left -= 1) {
    try {
      const { Certificate } = await call(client, 'getCertificate', { ...who, RetrievalId });
      const certificate = new crypto.X509Certificate(Buffer.from(Certificate, 'base64'));
      if (!certificate.checkPrivateKey(key)) throw new Error('the certificate is not of our key');
      return keep(file, certificate.toString());
    } catch (no) {
      if (!(no instanceof Refused && no.message.startsWith('PKI021') && left)) throw no;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function enrol(folder, url, CustomerId, TransferId, TransferPassword, kind) {
  const client = await connect(folder, url);
  // Leave out what you have not: of `CustomerName: null` soap would make xsi:nil, which the schema does not know.
  const who = { Environment: 'TEST', CustomerId };
  const [keyFile, idFile] = ['key.pem', 'retrieval-id'].map((name) => path.join(folder, name));
  const key = keyIn(keyFile, kind);
  const CertificateRequest = csr(key, CustomerId);
  const fields = { ...who, TransferId, TransferPassword, CertificateRequest }; // in the order of the schema
  const id = await retrievalIdIn(idFile, () => call(client, 'signNewCertificate', fields));
  await fetchCertificate(client, who, id, key, path.join(folder, 'certificate.pem'));
  fs.unlinkSync(idFile);
}

async function renew(folder, url, CustomerId, kind, recipe) {
  const client = await connect(folder, url);
  const [oldKey, old] = ['key.pem', 'certificate.pem'].map((name) => fs.readFileSync(path.join(folder, name)));
  const [keyFile, idFile] = ['next-key.pem', 'next-retrieval-id'].map((name) => path.join(folder, name));
  const key = keyIn(keyFile, kind);
  // soap declares the prefixes of what it writes on the envelope, so what it writes cannot be signed alone. We write
  // this one request ourselves, and soap carries it as it is: that is what `_xml` is for.
  const escaped = CustomerId.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`);
  const request =
    `<cer:RenewCertificateRequest xmlns:cer="${SERVICE}"><Environment>TEST</Environment>` +
    `<CustomerId>${escaped}</CustomerId><CertificateRequest>${csr(key, CustomerId)}</CertificateRequest>` +
    '</cer:RenewCertificateRequest>';
  const _xml = signed(request, crypto.createPrivateKey(oldKey), old.toString(), recipe);
  const id = await retrievalIdIn(idFile, () => call(client, 'renewCertificate', { _xml }));
  const who = { Environment: 'TEST', CustomerId };
  await fetchCertificate(client, who, id, key, path.join(folder, 'next-certificate.pem'));
  fs.unlinkSync(idFile);
}

function versions() {
  console.log(`Node ${process.versions.node}`);
  for (const name of ['soap', 'xml-crypto', '@xmldom/xmldom', 'sax']) {
    console.log(name, require(`${name}/package.json`).version);
  }
}

// Whether a command line is one of those at the top of this file.
function asUsed([command, ...rest]) {
  if (command === 'versions') return rest.length === 0;
  if (command === 'enrol') return rest.length === 6 && Object.hasOwn(KINDS, rest[5]);
  const recipes = ['exclusive', 'inclusive'];
  return command === 'renew' && rest.length === 5 && Object.hasOwn(KINDS, rest[3]) && recipes.includes(rest[4]);
}

process.umask(0o077); // keys, and messages with a password in them, are for their owner alone
const [command, ...rest] = process.argv.slice(2);
Promise.resolve()
  .then(() => {
    if (!asUsed([command, ...rest])) throw new Error('usage: see the top of peer.js');
    return { enrol, renew, versions }[command](...rest);
  })
  .catch((bad) => {
    console.error(bad instanceof NotTrusted ? `not trusted: ${bad.message}` : bad.message);
    process.exitCode = bad instanceof Refused ? 1 : bad instanceof NotTrusted ? 2 : 3;
  });
