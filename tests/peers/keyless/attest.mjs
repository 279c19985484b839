// Makes sigstore bundles and their trusted root with sigstore's own packages, which know nothing of us.
//
//   node attest.mjs init DIR            makes keys and DIR/trusted_root.json
//   node attest.mjs sign DIR < WISHES   makes DIR/NAME for each
//                                       {name, payload, type, claims, stamped, version}
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

// What version 2 of Rekor logs of an envelope: the digest of what is signed, and no time.
function canonicalV2({ envelope, verifiers }) {
  const payload = Buffer.from(envelope.payload, "base64");
  const type = envelope.payloadType;
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `),
    payload,
  ]);
  const [{ keyDetails, x509Certificate }] = verifiers;
  return {
    apiVersion: "0.0.2",
    kind: "hashedrekord",
    spec: {
      hashedRekordV002: {
        data: { algorithm: "SHA2_256", digest: base64(sha256(signed)) },
        signature: {
          content: envelope.signatures[0].sig,
          verifier: { keyDetails, x509Certificate },
        },
      },
    },
  };
}

// The proof that an entry is the second of a log of two; hashes in hexadecimal.
function second(body) {
  const other = sha256(Buffer.from([0]), "another entry");
  const ours = sha256(Buffer.from([0]), body);
  const root = sha256(Buffer.from([1]), other, ours);
  const note = `rekor.example - 1\n2\n${base64(root)}\n`;
  const hint = sha256(tlog.publicKey).subarray(0, 4);
  const signature = Buffer.concat([hint, sign("sha256", note, keys.rekor.privateKey)]);
  return {
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
  for (const entry of Object.values(entries)) {
    entry.verification.inclusionProof = second(Buffer.from(entry.body, "base64"));
  }
  return { statusCode: 201, response: JSON.stringify(entries), contentType: "application/json" };
}

async function rekorV2(body) {
  const logged = Buffer.from(JSON.stringify(canonicalV2(JSON.parse(body).dsseRequestV002)));
  const { checkpoint, hashes, rootHash, ...numbers } = second(logged);
  const entry = {
    logIndex: "1",
    logId: { keyId: base64(sha256(tlog.publicKey)) },
    kindVersion: { kind: "hashedrekord", version: "0.0.2" },
    inclusionProof: {
      ...numbers,
      hashes: hashes.map((one) => base64(Buffer.from(one, "hex"))),
      rootHash: base64(Buffer.from(rootHash, "hex")),
      checkpoint: { envelope: checkpoint },
    },
    canonicalizedBody: base64(logged),
  };
  return { statusCode: 201, response: JSON.stringify(entry), contentType: "application/json" };
}

async function bundle({ payload, type, claims, stamped, version }) {
  const token = ["{}", JSON.stringify(claims), ""]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
  const signer = new FulcioSigner({
    fulcioBaseURL: FULCIO,
    identityProvider: { getToken: async () => token },
  });
  const witnesses = [
    new RekorWitness({ rekorBaseURL: REKOR, entryType: "dsse", majorApiVersion: version }),
  ];
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
  serve(REKOR, "/api/v2/log/entries", rekorV2);
  const stamping = tsaHandler(tsa);
  serve(TSA, stamping.path, stamping.fn);
  for (const wish of JSON.parse(readFileSync(0, "utf8"))) {
    writeFileSync(join(folder, wish.name), JSON.stringify(await bundle(wish)));
  }
}
