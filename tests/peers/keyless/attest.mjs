// Makes sigstore bundles and their trusted root with sigstore's own packages, which know nothing of us.
//
//   node attest.mjs init DIR            makes keys and DIR/trusted_root.json
//   node attest.mjs sign DIR < WISHES   makes DIR/NAME for each {name, payload, type, claims, stamped}
//
// Certificate authority, certificate-transparency log, Rekor, time-stamp authority and bundler are
// theirs; nothing leaves this process. Two things of Rekor the mock leaves out are added: the
// canonical form of an entry, and a log that has more than one.
import {
  X509Certificate,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleToJSON } from "@sigstore/bundle";
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  tsaHandler,
} from "@sigstore/mock";
import { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } from "@sigstore/sign";
import nock from "nock";

const [command, folder] = process.argv.slice(2);
const FULCIO = "https://fulcio.example";
const REKOR = "https://rekor.example";
const TSA = "https://tsa.example";
const sha256 = (...parts) =>
  parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const isoNow = () => new Date(Date.now() - 60_000).toISOString();

const keys = Object.fromEntries(["ca", "ct", "rekor", "tsa"].map((name) => [name, keyPair(name)]));
const ctlog = await initializeCTLog(keys.ct);
const ca = await initializeCA(keys.ca, ctlog);
const tlog = await initializeTLog(REKOR, keys.rekor);
const tsa = await initializeTSA(keys.tsa);

function keyPair(name) {
  const file = join(folder, `${name}.pem`);
  if (!existsSync(file)) {
    const made = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
    writeFileSync(file, made.export({ format: "pem", type: "pkcs8" }));
  }
  const privateKey = createPrivateKey(readFileSync(file));
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

function trustedRoot() {
  const validFor = { start: isoNow() };
  const log = (baseUrl, key) => ({
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: { rawBytes: base64(key), keyDetails: "PKIX_ECDSA_P256_SHA_256", validFor },
    logId: { keyId: base64(sha256(key)) },
  });
  const authority = (uri, ...certificates) => ({
    subject: { organization: "sigstore.mock", commonName: "sigstore" },
    uri,
    certChain: { certificates: certificates.map((one) => ({ rawBytes: base64(one) })) },
    validFor,
  });
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [log(REKOR, tlog.publicKey)],
    certificateAuthorities: [authority(FULCIO, ca.rootCertificate)],
    ctlogs: [log("https://ct.example", ctlog.publicKey)],
    timestampAuthorities: [authority(TSA, tsa.intCertificate, tsa.rootCertificate)],
  };
}

// What Rekor makes of a proposed entry of kind dsse before it logs it.
function canonical({ envelope, verifiers }) {
  const said = JSON.parse(envelope);
  const hash = (data) => ({ algorithm: "sha256", value: sha256(data).toString("hex") });
  const pem = (verifier) => base64(new X509Certificate(Buffer.from(verifier, "base64")).toString());
  return {
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: hash(envelope),
      payloadHash: hash(Buffer.from(said.payload, "base64")),
      signatures: said.signatures.map(({ sig }, at) => ({
        signature: sig,
        verifier: pem(verifiers[at]),
      })),
    },
  };
}

// The proof that an entry is the second of a log of two.
function second(entry) {
  const other = sha256(Buffer.from([0]), "another entry");
  const ours = sha256(Buffer.from([0]), Buffer.from(entry.body, "base64"));
  const root = sha256(Buffer.from([1]), other, ours);
  const note = `rekor.example - 1\n2\n${base64(root)}\n`;
  const hint = sha256(tlog.publicKey).subarray(0, 4);
  const signature = Buffer.concat([hint, sign("sha256", note, keys.rekor.privateKey)]);
  entry.verification.inclusionProof = {
    logIndex: 1,
    treeSize: 2,
    hashes: [other.toString("hex")],
    rootHash: root.toString("hex"),
    checkpoint: `${note}\n\u2014 rekor.example ${base64(signature)}\n`,
  };
}

function serve(base, path, answer) {
  nock(base)
    .persist()
    .post(path)
    .reply(async (_, body) => {
      const said = await answer(typeof body === "string" ? body : JSON.stringify(body));
      return [said.statusCode, said.response, { "Content-Type": said.contentType ?? "text/plain" }];
    });
}

async function rekor(body) {
  const entries = await tlog.log(canonical(JSON.parse(body).spec.proposedContent));
  Object.values(entries).forEach(second);
  return { statusCode: 201, response: JSON.stringify(entries), contentType: "application/json" };
}

async function bundle({ payload, type, claims, stamped }) {
  const token = ["{}", JSON.stringify(claims), ""]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
  const signer = new FulcioSigner({
    fulcioBaseURL: FULCIO,
    identityProvider: { getToken: async () => token },
  });
  const witnesses = [new RekorWitness({ rekorBaseURL: REKOR, entryType: "dsse" })];
  if (stamped) witnesses.push(new TSAWitness({ tsaBaseURL: TSA }));
  const builder = new DSSEBundleBuilder({ signer, witnesses });
  return bundleToJSON(await builder.create({ data: Buffer.from(payload, "base64"), type }));
}

if (command === "init") {
  writeFileSync(join(folder, "trusted_root.json"), JSON.stringify(trustedRoot(), null, 1));
} else {
  nock.disableNetConnect();
  const fulcio = fulcioHandler(ca);
  serve(FULCIO, fulcio.path, fulcio.fn);
  serve(REKOR, "/api/v1/log/entries", rekor);
  const stamping = tsaHandler(tsa);
  serve(TSA, stamping.path, stamping.fn);
  for (const wish of JSON.parse(readFileSync(0, "utf8"))) {
    writeFileSync(join(folder, wish.name), JSON.stringify(await bundle(wish)));
  }
}
