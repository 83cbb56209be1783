import { expect, test } from 'vitest'
import { checkpointText, openCheckpoint, parseCheckpoint, signCheckpoint } from '../../../proof/checkpoint.ts'
import { generateSigningKey, nodeCrypto, publicKeyFromPem, signerFromPem } from '../../../proof/node.ts'
import { isKeyName, openNote, signNote } from '../../../proof/note.ts'

const { sha256 } = nodeCrypto
const pair = generateSigningKey()
const signer = signerFromPem(pair.privatePem)
const publicKeys = [publicKeyFromPem(pair.publicPem)]
const keyName = 'acme/test/log'
const text = 'daybook-test/v1\nfirst 1\n'
const note = signNote({ text, keyName, signer, sha256 })
const open = (changed: string, keys = publicKeys) =>
  openNote({ note: changed, keyName, publicKeys: keys, crypto: nodeCrypto })

test('a note opens with the key that signed it', () => {
  expect(open(note)).toEqual({ ok: true, text, publicKey: signer.publicKey })
})

test('a changed text or signature is a bad signature', () => {
  expect(open(note.replace('first 1', 'first 2'))).toEqual({ ok: false, fault: 'BAD_SIGNATURE' })
  const at = note.length - 20
  const flipped = `${note.slice(0, at)}${note[at] === 'A' ? 'B' : 'A'}${note.slice(at + 1)}`
  expect(flipped).not.toBe(note)
  expect(open(flipped)).toEqual({ ok: false, fault: 'BAD_SIGNATURE' })
})

test('a note of an unknown key or under another name is unsigned', () => {
  const stranger = publicKeyFromPem(generateSigningKey().publicPem)
  expect(open(note, [stranger])).toEqual({ ok: false, fault: 'UNSIGNED' })
  const renamed = signNote({ text, keyName: 'acme/test/other', signer, sha256 })
  expect(open(renamed)).toEqual({ ok: false, fault: 'UNSIGNED' })
})

test('further signatures by unknown keys do no harm', () => {
  const other = signNote({
    text,
    keyName: 'witness',
    signer: signerFromPem(generateSigningKey().privatePem),
    sha256,
  })
  const line = other.slice(other.lastIndexOf('\n\n') + 2)
  expect(open(note + line).ok).toBe(true)
})

test.each([
  ['no signature', text],
  ['no empty line', note.replace('\n\n', '\n')],
  ['no newline at the end', note.slice(0, -1)],
  ['a carriage return', note.replace('first 1\n', 'first 1\r\n')],
  ['a hyphen for the dash', note.replace('— ', '- ')],
  ['base64 with line noise', note.replace(/.\n$/, '!\n')],
  ['a lone surrogate', `\ud800${note}`],
])('%s is no note', (_, changed) => {
  expect(open(changed)).toEqual({ ok: false, fault: 'MALFORMED' })
})

test('only well-formed text is signed', () => {
  for (const bad of ['no newline', 'tab\there\n', '\ud800\n']) {
    expect(() => signNote({ text: bad, keyName, signer, sha256 })).toThrow(TypeError)
  }
  for (const name of ['', 'with space', 'with+plus', 'with\u00a0nbsp', 'with\nnewline']) {
    expect(isKeyName(name)).toBe(false)
    expect(() => signNote({ text, keyName: name, signer, sha256 })).toThrow(TypeError)
  }
})

test('a checkpoint is taken only from its own origin, and only in its exact form', () => {
  const checkpoint = { origin: keyName, size: 20_852_163n, root: new Uint8Array(32).fill(9) }
  const signed = signCheckpoint(checkpoint, signer, sha256)
  const o = { note: signed, publicKeys, crypto: nodeCrypto }
  expect(openCheckpoint({ ...o, origin: keyName })).toEqual({ ok: true, checkpoint })
  expect(openCheckpoint({ ...o, origin: 'other' })).toEqual({ ok: false, fault: 'UNSIGNED' })
  const lying = signNote({
    text: checkpointText({ ...checkpoint, origin: 'other' }),
    keyName,
    signer,
    sha256,
  })
  expect(openCheckpoint({ ...o, note: lying, origin: keyName })).toEqual({ ok: false, fault: 'MALFORMED' })
  const good = checkpointText(checkpoint)
  expect(parseCheckpoint(`${good}extension\n`)?.size).toBe(20_852_163n)
  for (const bad of [
    good.replace('\n2', '\n02'),
    good.slice(0, -1),
    `${good}\n`,
    good.replace('=', ''),
    'a\n1\n',
  ]) {
    expect(parseCheckpoint(bad)).toBeNull()
  }
})

test('a key that is not Ed25519 is refused, without showing it', () => {
  expect(() => signerFromPem('-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n')).toThrow(
    /not a private key/,
  )
})
