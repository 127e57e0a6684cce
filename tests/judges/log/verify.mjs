// Verifies an exported range of a log, from RFC 6962 and the C2SP texts signed-note and tlog-checkpoint alone.
//
//     node verify.mjs FILE VERIFIERKEY [CHECKPOINT]
//
// Exit code 0: as it was signed; 3: not. Prints the number of entries, or the reason.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const leafHash = (octets) => sha256(Buffer.from([0]), octets);
const nodeHash = (left, right) => sha256(Buffer.from([1]), left, right);

class Wrong extends Error {}

function check(holds, why) {
  if (!holds) throw new Wrong(why);
}

function parseKey(text) {
  const plus = text.indexOf("+"), second = text.indexOf("+", plus + 1);
  const name = text.slice(0, plus), id = text.slice(plus + 1, second);
  const octets = Buffer.from(text.slice(second + 1), "base64");
  check(octets.length === 33 && octets[0] === 1, "the key is not an Ed25519 key");
  check(sha256(Buffer.from(`${name}\n`), octets).subarray(0, 4).toString("hex") === id, "the key's id is wrong");
  const key = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: octets.subarray(1).toString("base64url") }, format: "jwk",
  });
  return { name, id, key };
}

function openCheckpoint(note, trusted) {
  const end = note.lastIndexOf("\n\n");
  check(end > 0, "the checkpoint is no note");
  const text = note.slice(0, end + 1);
  const [origin, size, root] = text.split("\n");
  check(/^(0|[1-9][0-9]*)$/.test(size), "the size is no number");
  const signed = note.slice(end + 2).trimEnd().split("\n").some((line) => {
    const [dash, name, encoded] = line.split(" ");
    const octets = Buffer.from(encoded ?? "", "base64");
    return dash === "\u2014" && trusted.some((one) => one.name === name && one.name === origin &&
      octets.subarray(0, 4).toString("hex") === one.id &&
      verify(null, Buffer.from(text), one.key, octets.subarray(4)));
  });
  check(signed, "no trusted key signed the checkpoint");
  return { size: Number(size), root: Buffer.from(root, "base64") };
}

// The edge of a tree: complete subtrees from left to right, each half of a pair merged as soon as both are there.
function append(edge, start, size, hash) {
  check(start === (edge.length ? edge.at(-1).start + edge.at(-1).size : 0), "a subtree is not at its place");
  edge.push({ start, size, hash });
  while (edge.length > 1 && edge.at(-1).size === edge.at(-2).size && edge.at(-2).start % (2 * edge.at(-2).size) === 0) {
    const right = edge.pop(), left = edge.pop();
    edge.push({ start: left.start, size: 2 * left.size, hash: nodeHash(left.hash, right.hash) });
  }
}

function appendHashes(edge, start, end, hashes) {
  for (const hash of hashes) {
    let size = 1;
    while (start % (2 * size) === 0 && start + 2 * size <= end) size *= 2;
    append(edge, start, size, Buffer.from(hash, "base64"));
    start += size;
  }
  check(start === end, "the hashes beside the range do not cover the tree");
}

function rootOf(edge) {
  return edge.length ? edge.map((one) => one.hash).reduceRight((right, left) => nodeHash(left, right)) : sha256();
}

// A new key that a trusted key vouches for, in an entry.
function newKey(entry, trusted) {
  if (entry.action !== "log-key-changed") return;
  const { old, new: next, signed_by_old, signed_by_new } = entry.facts;
  const statement = Buffer.from(`sinetti-log-key@v1\n${old}\n${next}\n`), keys = [parseKey(old), parseKey(next)];
  [signed_by_old, signed_by_new].forEach((one, at) => check(
    verify(null, statement, keys[at].key, Buffer.from(one, "base64")), "a change of the key is not signed by both"));
  if (trusted.some((one) => one.id === keys[0].id && one.name === keys[0].name) && keys[0].name === keys[1].name) {
    trusted.push(keys[1]);
  }
}

function main(file, keyText, knownFile) {
  const [first, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  const trusted = [parseKey(keyText)], edge = [];
  const knownNote = knownFile ? readFileSync(knownFile, "utf8") : null;
  const knownSize = knownNote ? Number(knownNote.split("\n")[1]) : -1;
  let knownRoot = null;
  appendHashes(edge, 0, first.from, first.left);
  if (first.from === knownSize) knownRoot = rootOf(edge);
  check(lines.length === first.to - first.from, "the number of entries differs from the range");
  lines.forEach((line, at) => {
    const index = first.from + at;
    check(line.index === index, `entry ${index} is not at its place`);
    if (line.entry !== null) {
      const octets = Buffer.from(line.entry, "base64");
      check(leafHash(octets).toString("base64") === line.leaf, `entry ${index} does not have its hash`);
      newKey(JSON.parse(octets), trusted);
    }
    append(edge, index, 1, Buffer.from(line.leaf, "base64"));
    if (index + 1 === knownSize) knownRoot = rootOf(edge);
  });
  const head = openCheckpoint(first.checkpoint, trusted);
  appendHashes(edge, first.to, head.size, first.right);
  check(rootOf(edge).equals(head.root), "the entries do not make the signed tree");
  if (knownNote) {
    const known = openCheckpoint(knownNote, trusted);
    check(known.size <= head.size, "the log was rewound");
    check((known.size === head.size ? head.root : knownRoot)?.equals(known.root), "the log was rewritten");
  }
  console.log(lines.length);
}

try {
  main(...process.argv.slice(2));
} catch (error) {
  console.log(error.message);
  process.exit(3);
}
