import t from 'tap'
import { answerFaults } from '../../../src/session-manager/session/passkey.ts'
import { answerTo, passkeyRequest } from './passkey-answers.ts'

const request = passkeyRequest()
const faultsOf = (...args: Parameters<typeof answerFaults>): string[] =>
  answerFaults(...args).map(({ field, message }) => `${field}: ${message}`)

t.test('an answer to the open challenge has no fault', async (t) => {
  t.same(faultsOf(answerTo(request), request), [])
  t.same(
    faultsOf(answerTo(request, { id: 'BQYH' }), passkeyRequest({ allowCredentials: [] })),
    [],
    'any passkey may answer when none is named'
  )
  t.same(
    faultsOf(answerTo(request, { flags: 0x01 }), passkeyRequest({ userVerification: 'preferred' })),
    []
  )
})

t.test('each mismatch is named with its member', async (t) => {
  const table: [Parameters<typeof answerTo>[1], RegExp][] = [
    [
      { origin: 'https://web.whatsapp.com.evil.example' },
      /clientDataJSON: it was made on another site than https:\/\/web\.whatsapp\.com/
    ],
    [{ origin: 'http://web.whatsapp.com' }, /another site/],
    [{ challenge: 'b3RoZXI' }, /clientDataJSON: it answers another challenge/],
    [{ type: 'webauthn.create' }, /clientDataJSON: it is not the answer of a passkey/],
    [
      { rpId: 'example.com' },
      /authenticatorData: the passkey is of another site than whatsapp\.com/
    ],
    [{ flags: 0x01 }, /authenticatorData: the passkey did not check who uses it/],
    [{ flags: 0x04 }, /authenticatorData: the passkey did not check/],
    [{ id: 'BQYH' }, /\/id: it is a passkey of another account/]
  ]
  for (const [facts, expected] of table) {
    const faults = faultsOf(answerTo(request, facts), request)
    t.equal(faults.length, 1, JSON.stringify(faults))
    t.match(faults[0], expected)
  }
})

t.test('what is cut off or no JSON is named, not thrown', async (t) => {
  const good = answerTo(request)
  t.match(faultsOf({ ...good, response: { ...good.response, clientDataJSON: 'AAAA' } }, request), [
    /clientDataJSON: it is not the JSON/
  ])
  t.match(
    faultsOf(
      {
        ...good,
        response: { ...good.response, clientDataJSON: Buffer.from('null').toString('base64url') }
      },
      request
    ),
    [/clientDataJSON: it is not the JSON/]
  )
  t.match(
    faultsOf({ ...good, response: { ...good.response, authenticatorData: 'AAAA' } }, request),
    [/authenticatorData: it is cut off/]
  )
  t.match(faultsOf({ ...good, rawId: 'BQYH' }, request), [/rawId: it is not the same/])
})
