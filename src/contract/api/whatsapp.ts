import Type from 'typebox'
import { PageReport } from '../page-report.ts'
import {
  Accounts,
  Connect,
  Disconnect,
  PairingCode,
  PairingCodeRequest,
  Passkey,
  PasskeyAnswer,
  Qr,
  Remapped,
  RemapRequest,
  Status
} from '../session.ts'
import type { Operation } from './operation.ts'

/**
 * The session with WhatsApp: session-manager's own routes, passed on; each for the first account
 * and for one by name.
 */

const one = Type.Object({
  account: Type.String({
    minLength: 1,
    maxLength: 64,
    description: '`account` of the list of accounts'
  })
})
const unreachable = ['session-manager-unreachable', 'session-manager-invalid'] as const
const at = '2026-11-25T10:00:00.000Z'
const status = {
  status: 'READY',
  since: at,
  account: 'main',
  linked: true,
  me: { id: '5215587654321@c.us', phone: '+5215587654321' },
  last_message_at: at,
  failures: 0,
  outbound_blocked: 0,
  journal: { id: '5f0c', last_seq: 1042 },
  media: { pending: 0 },
  backfill: { complete_until: at, running: false }
}

const getStatus = {
  tag: 'whatsapp',
  summary: 'Get the status of the session',
  answer: {
    status: 200,
    description: 'As session-manager tells it',
    schema: Status,
    example: status
  },
  problems: unreachable
} as const satisfies Operation
const getQr = {
  tag: 'whatsapp',
  summary: 'Get the QR code',
  description:
    'By `Accept` also as a picture, as those of its own address; 404 then, when there is none ' +
    'to scan.',
  answer: {
    status: 200,
    description: 'The code, or that there is none to scan',
    schema: Qr,
    example: { status: 'NO_QR' },
    types: ['image/png', 'image/svg+xml', 'text/plain']
  },
  problems: ['not-found', ...unreachable]
} as const satisfies Operation
const drawn = (type: string) =>
  ({
    tag: 'whatsapp',
    summary: `Get the QR code as ${type}`,
    answer: { status: 200, description: 'The code, to be scanned', types: [type] },
    problems: ['not-found', ...unreachable]
  }) as const satisfies Operation
const connect = {
  tag: 'whatsapp',
  summary: 'Start the session, if it is not running',
  answer: {
    status: 200,
    description: 'Done',
    schema: Connect,
    example: {
      success: true,
      state: 'INIT',
      session: 'main',
      alreadyConnected: false,
      message: 'the session is starting'
    }
  },
  problems: unreachable
} as const satisfies Operation
const disconnect = {
  tag: 'whatsapp',
  summary: 'Close the browser; the linked device is kept',
  query: Type.Object({
    logout: Type.Optional(Type.Boolean({ description: 'true: unlink this device too' }))
  }),
  answer: {
    status: 200,
    description: 'Done',
    schema: Disconnect,
    example: {
      success: true,
      state: 'DISCONNECTED',
      session: 'main',
      alreadyDisconnected: false,
      message:
        'the browser is closed; the linked device is kept. It stays off, also after a restart, ' +
        'until POST /connect (leadmaster connect)'
    }
  },
  problems: unreachable
} as const satisfies Operation
const requestPairingCode = {
  tag: 'whatsapp',
  summary: 'Get a code to link with instead of the QR',
  description: 'On the phone: Linked devices, Link a device, Link with phone number instead.',
  body: { schema: PairingCodeRequest, example: { phone: '+525512345678' } },
  answer: {
    status: 200,
    description: 'The code to type in on that phone',
    schema: PairingCode,
    example: { code: 'ABCD-EFGH', phone: '+525512345678', generated_at: at, expires_at: at }
  },
  problems: ['conflict', ...unreachable]
} as const satisfies Operation

const remap = {
  tag: 'whatsapp',
  summary: 'Map messages again, as this release reads them',
  description:
    'One part of the journal; ask with `next_after` until `examined` is 0. What KEEP_RAW still ' +
    'keeps is mapped, and ' +
    'messages that come out differently are updated. Nobody waits again because of it.',
  body: { schema: RemapRequest, example: { after: 0, dry_run: true } },
  answer: {
    status: 200,
    description: 'What this part came to',
    schema: Remapped,
    example: {
      mapper_version: 2,
      examined: 1000,
      mapped: 640,
      changed: 12,
      next_after: 1000,
      last_seq: 5120
    }
  },
  problems: unreachable
} as const satisfies Operation

const getPageReport = {
  tag: 'whatsapp',
  summary: 'Get what the page of WhatsApp Web is made of',
  description:
    'Names and types only: no text, number or id of a message or a contact. For whoever mends ' +
    'LeadMaster after WhatsApp changed its page.',
  answer: {
    status: 200,
    description: 'What the open page is made of',
    schema: PageReport,
    example: {
      format: 'leadmaster-page-report/1',
      leadmaster: '0.1.0',
      session: 'READY',
      whatsapp_web: '2.3000.1048032155',
      chromium: 142,
      checks: [{ name: 'media', verdict: 'ok', missing: [] }],
      modules: { WAWebChatLoadMessages: { loadEarlierMsgs: 'function' } },
      messages: {
        chat: { body: 'string', id: 'object', 'id.fromMe': 'boolean', 'id.remote': 'object' }
      }
    }
  },
  problems: ['conflict', ...unreachable]
} as const satisfies Operation
const passkeyState = {
  status: 'PASSKEY_REQUIRED',
  stage: 'waiting-for-phone',
  since: at,
  expires_at: at
} as const
const getPasskey = {
  tag: 'whatsapp',
  summary: "Get how far linking by the account's passkey is",
  description:
    'While the status is PASSKEY_REQUIRED. `request` and `script` are for a browser of the ' +
    'operator on https://web.whatsapp.com; `code` is to be compared with the one on the phone. ' +
    'They are secrets.',
  answer: {
    status: 200,
    description: 'The stage, and what it needs',
    schema: Passkey,
    example: { status: 'NO_PASSKEY' }
  },
  problems: unreachable
} as const satisfies Operation
const answerPasskey = {
  tag: 'whatsapp',
  summary: "Hand in the passkey's answer",
  description:
    'In the form of PublicKeyCredential.toJSON(). Its challenge, origin, site and credential ' +
    'are checked here; its signature by WhatsApp.',
  body: {
    schema: PasskeyAnswer,
    example: {
      id: 'AQID',
      rawId: 'AQID',
      type: 'public-key',
      response: { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'MEQC' }
    }
  },
  answer: {
    status: 200,
    description: 'It was handed to WhatsApp',
    schema: Passkey,
    example: passkeyState
  },
  problems: ['conflict', ...unreachable]
} as const satisfies Operation
/** The three orders that take no body. */
const passkeyOrder = (summary: string, description: string) =>
  ({
    tag: 'whatsapp',
    summary,
    description,
    answer: { status: 200, description: 'Done', schema: Passkey, example: passkeyState },
    problems: ['conflict', ...unreachable]
  }) as const satisfies Operation
const confirmPasskey = passkeyOrder(
  'Confirm that the phone shows the same code',
  'Only a person can compare them. A wrong code means that somebody else links a device: ' +
    'cancel then.'
)
const restartPasskey = passkeyOrder('Ask WhatsApp for another challenge', 'The one before is void.')
const cancelPasskey = passkeyOrder(
  'Go back to the QR code',
  'The page of WhatsApp Web is loaded again.'
)

const ofAccount = <O extends Operation>(operation: O): O & { params: typeof one } => ({
  ...operation,
  summary: `${operation.summary}, of one account`,
  params: one,
  problems: ['not-found', ...(operation.problems ?? []).filter((type) => type !== 'not-found')]
})

export const whatsappOperations = {
  listAccounts: {
    tag: 'whatsapp',
    summary: 'List the accounts that the hub follows',
    answer: {
      status: 200,
      description: 'All of them, the first one first',
      schema: Accounts,
      example: {
        accounts: [
          { account: 'main', base_url: 'http://127.0.0.1:3001', verified: true, following: true }
        ]
      }
    }
  },
  getStatus,
  getQr,
  connect,
  disconnect,
  requestPairingCode,
  remap,
  getPageReport,
  getPasskey,
  answerPasskey,
  confirmPasskey,
  restartPasskey,
  cancelPasskey,
  getQrPng: drawn('image/png'),
  getQrSvg: drawn('image/svg+xml'),
  getQrText: drawn('text/plain'),
  getAccountStatus: ofAccount(getStatus),
  getAccountQr: ofAccount(getQr),
  getAccountQrPng: ofAccount(drawn('image/png')),
  getAccountQrSvg: ofAccount(drawn('image/svg+xml')),
  getAccountQrText: ofAccount(drawn('text/plain')),
  connectAccount: ofAccount(connect),
  disconnectAccount: ofAccount(disconnect),
  requestAccountPairingCode: ofAccount(requestPairingCode),
  remapAccount: ofAccount(remap),
  getAccountPageReport: ofAccount(getPageReport),
  getAccountPasskey: ofAccount(getPasskey),
  answerAccountPasskey: ofAccount(answerPasskey),
  confirmAccountPasskey: ofAccount(confirmPasskey),
  restartAccountPasskey: ofAccount(restartPasskey),
  cancelAccountPasskey: ofAccount(cancelPasskey)
} as const satisfies Record<string, Operation>
