import { setTimeout } from 'node:timers/promises'
import { burst } from './burst.ts'
import type { Common, Sent } from './phone.ts'
import type { MediaKind } from './media.ts'
import {
  eras,
  type Era,
  type MediaFault,
  type Refresh,
  type Scenario,
  type StallCure,
  type WhatsAppWeb
} from './api.ts'
import type { ChatFault } from './history.ts'
import type { Args, Field, Verb } from './arguments.ts'

/**
 * Everything the simulated WhatsApp can be told to do from outside; control.ts and scripts/simulate
 * offer exactly this.
 */

const required = true
const text = (args: Args, name: string): string => args[name] as string
const number = (args: Args, name: string): number => args[name] as number

const writer = {
  from: { is: 'phone', about: 'who writes: +52…, or an id such as 123@lid', required },
  group: { is: 'phone', about: 'the group it is written in' },
  name: { is: 'text', about: 'the name the writer has given to WhatsApp' },
  id: { is: 'text', about: 'the message id to have' },
  at: { is: 'number', about: 'when it was written, UNIX seconds; now if left out' },
  quotes: { is: 'text', about: 'id of the message that is answered' },
  silent: { is: 'flag', about: 'the page takes it in and tells nobody' }
} as const satisfies Record<string, Field>

const common = (args: Args): Common => {
  const taken = Object.entries(args).filter(([name]) =>
    ['from', 'to', 'group', 'name', 'id', 'quotes', 'silent'].includes(name)
  )
  return {
    ...(Object.fromEntries(taken) as Common),
    ...(args['at'] === undefined ? {} : { t: number(args, 'at') })
  }
}
const aMessage: Field = {
  is: 'text',
  about: 'the message id that message, reply, … answered',
  required
}

/** A picture of one pixel, for whoever has no file at hand. */
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64'
)

const media = (kind: MediaKind, what: string): Verb => ({
  about: `a lead sends ${what}`,
  fields: {
    ...writer,
    file: { is: 'file', about: 'the file; a small made-up one if left out' },
    filename: { is: 'text', about: 'its name' },
    mimetype: { is: 'text', about: 'its type' },
    caption: { is: 'text', about: 'the text below it' },
    duration: { is: 'number', about: 'seconds' },
    size: { is: 'number', about: 'the size WhatsApp claims it has, bytes' },
    lost: { is: 'flag', about: 'WhatsApp can no longer deliver it' }
  },
  run: (web, args) => {
    const made =
      kind === 'image'
        ? { bytes: pixel, mimetype: 'image/png' }
        : { bytes: Buffer.from(`a simulated ${kind}`) }
    const { file, filename, mimetype, caption, duration, size, lost } = args
    const about = Object.fromEntries(
      Object.entries({ filename, mimetype, caption, duration, size, lost }).filter(
        ([, value]) => value !== undefined
      )
    )
    return web.phone.media({
      ...common(args),
      ...made,
      ...(file === undefined ? {} : { bytes: file as Buffer }),
      ...about,
      kind
    })
  }
})

const plain = (about: string, run: (web: WhatsAppWeb) => unknown): Verb => ({
  about,
  fields: {},
  run
})
const states = [
  'CONFLICT',
  'CONNECTED',
  'DEPRECATED_VERSION',
  'OPENING',
  'PAIRING',
  'PROXYBLOCK',
  'SCREEN_LOCKED',
  'SMB_TOS_BLOCK',
  'TIMEOUT',
  'TOS_BLOCK',
  'UNLAUNCHED',
  'UNPAIRED',
  'UNPAIRED_IDLE'
] as const

/** Options of `scenario` that are on or off. */
const switches = {
  deprecated: 'deprecated',
  'missing-inside': 'missingInside',
  passkey: 'passkey',
  busybody: 'busybody'
} as const

/** What goes wrong in the page and around it. */
const faults: Record<string, Verb> = {
  'chat-fault': {
    about: "loading a chat's older messages goes wrong, or well again",
    fields: {
      chat: { is: 'phone', about: 'the chat', required },
      fault: { is: ['throws', 'hangs', 'busy', 'none'], about: 'how', required }
    },
    run: (web, args) =>
      web.phone.chatFault(
        text(args, 'chat'),
        args['fault'] === 'none' ? undefined : (text(args, 'fault') as ChatFault)
      )
  },
  'message-fault': {
    about: "a message's model throws when it is serialised, or no longer does",
    fields: {
      message: aMessage,
      is: { is: ['on', 'off'], about: 'how it is from now on', required }
    },
    run: (web, args) => web.phone.messageFault(text(args, 'message'), args['is'] === 'on')
  },
  'media-servers': {
    about: 'the media servers cannot be reached, or can again',
    fields: { is: { is: ['on', 'off'], about: 'how it is from now on', required } },
    run: (web, args) => web.mediaServers(args['is'] === 'on')
  },
  'media-fault': {
    about: 'the media servers have lost the media of a message, or have them again',
    fields: {
      message: aMessage,
      status: { is: ['404', '410', '500', 'none'], about: 'what they answer', required },
      'reupload-ms': {
        is: 'number',
        about: 'until the phone has uploaded it again; never if left out'
      }
    },
    run: (web, args) => {
      const status = Number(args['status']) as MediaFault['status']
      const reuploadMs = args['reupload-ms'] as number | undefined
      web.mediaFault(
        text(args, 'message'),
        args['status'] === 'none'
          ? undefined
          : reuploadMs === undefined
            ? { status }
            : { status, reuploadMs }
      )
    }
  },
  refresh: {
    about: 'the page reloads by itself, or shows that there is a new version',
    fields: {
      how: { is: ['SOFT_REFRESH', 'HARD_REFRESH', 'thirty-days'], about: 'why', required }
    },
    run: (web, args) => web.refresh(text(args, 'how') as Refresh)
  },
  checkpoint: {
    about: 'WhatsApp asks a linked account for its passkey, in a modal over the page',
    fields: { pressed: { is: 'flag', about: 'its button is pressed as well' } },
    run: (web, args) => web.checkpoint(args['pressed'] === true)
  },
  passkey: plain(
    "shows the account's passkey, for a virtual authenticator, and the code that the phone shows",
    (web) => ({
      ...web.passkey,
      verification_code: web.verificationCode() ?? null,
      faults: web.passkeyFaults()
    })
  ),
  attempts: plain(
    "lists what the page's own code tried to send (scenario --busybody on)",
    (web) => ({ attempts: web.attempts() })
  ),
  fixture: {
    about: 'one of the messages in test/whatsapp-web/fixtures arrives',
    fields: { name: { is: 'text', about: "the file's name without .json", required } },
    run: (web, args): Sent => web.phone.fixture(text(args, 'name'))
  }
}

export const verbs: Record<string, Verb> = {
  scan: {
    about: 'the phone scans the QR that is shown, so that the page is linked',
    fields: { code: { is: 'text', about: 'the code as drawn; the one shown now if left out' } },
    run: async (web, args) => {
      if (web.shownQr() === undefined && web.isConnected())
        throw new Error('no QR is shown: the page is linked already')
      const late = setTimeout(30_000, undefined, { ref: false }).then(() =>
        Promise.reject(new Error('no QR was shown within 30 s: does session-manager run?'))
      )
      await Promise.race([web.qr(), late])
      await web.scan(args['code'] as string | undefined)
    }
  },
  pair: {
    about: 'a pairing code is typed in on the phone, so that the page is linked',
    fields: { code: { is: 'text', about: 'the code that POST /pairing-code gave', required } },
    run: (web, args) => web.enterPairingCode(text(args, 'code'))
  },
  message: {
    about: 'a lead writes a text',
    fields: {
      ...writer,
      text: { is: 'text', about: 'the text', required },
      mentions: { is: 'list', about: 'phone numbers mentioned' },
      forwarded: { is: 'flag', about: 'it is forwarded' }
    },
    run: (web, args) =>
      web.phone.text({
        ...common(args),
        text: text(args, 'text'),
        ...(args['mentions'] ? { mentions: args['mentions'] as string[] } : {}),
        ...(args['forwarded'] ? { forwarded: true } : {})
      })
  },
  reply: {
    about: 'the operator writes a text by hand, on the phone',
    fields: {
      to: { is: 'phone', about: 'whom to' },
      group: writer.group,
      id: writer.id,
      at: writer.at,
      quotes: writer.quotes,
      silent: writer.silent,
      text: { is: 'text', about: 'the text', required }
    },
    run: (web, args) => web.phone.text({ ...common(args), text: text(args, 'text') })
  },
  image: media('image', 'an image'),
  video: media('video', 'a video'),
  audio: media('audio', 'an audio file'),
  voice: media('ptt', 'a voice message'),
  document: media('document', 'a document'),
  sticker: media('sticker', 'a sticker'),
  location: {
    about: 'a lead sends a location',
    fields: {
      ...writer,
      latitude: { is: 'number', about: 'degrees', required },
      longitude: { is: 'number', about: 'degrees', required },
      place: { is: 'text', about: 'name of the place' },
      address: { is: 'text', about: 'its address' },
      live: { is: 'flag', about: 'a live location' }
    },
    run: (web, args) =>
      web.phone.location({
        ...common(args),
        latitude: number(args, 'latitude'),
        longitude: number(args, 'longitude'),
        ...(args['place'] ? { place: text(args, 'place') } : {}),
        ...(args['address'] ? { address: text(args, 'address') } : {}),
        ...(args['live'] ? { live: true } : {})
      })
  },
  contact: {
    about: 'a lead sends contact cards',
    fields: { ...writer, cards: { is: 'list', about: 'NAME=PHONE,…', required } },
    run: (web, args) =>
      web.phone.contacts({
        ...common(args),
        cards: (args['cards'] as string[]).map((card) => {
          const [, name, phone] = /^([^=]+)=(\+?\d+)$/.exec(card) ?? []
          if (name === undefined || phone === undefined)
            throw new Error(`cards: expected NAME=PHONE, not ${card}`)
          return { name, phone }
        })
      })
  },
  poll: {
    about: 'a lead asks a poll',
    fields: {
      ...writer,
      question: { is: 'text', about: 'the question', required },
      options: { is: 'list', about: 'the answers to choose from', required },
      multiple: { is: 'flag', about: 'several may be chosen' }
    },
    run: (web, args) =>
      web.phone.poll({
        ...common(args),
        question: text(args, 'question'),
        options: args['options'] as string[],
        multiple: args['multiple'] === true
      })
  },
  vote: {
    about: 'a lead votes in a poll',
    fields: {
      from: writer.from,
      poll: aMessage,
      options: { is: 'list', about: 'what is chosen now, nothing to take the vote back' }
    },
    run: (web, args) =>
      web.phone.vote({
        from: text(args, 'from'),
        poll: text(args, 'poll'),
        options: (args['options'] as string[] | undefined) ?? []
      })
  },
  group: {
    about: 'makes a group; message --group … then writes in it',
    fields: {
      subject: { is: 'text', about: 'its subject', required },
      participants: { is: 'list', about: 'phone numbers', required },
      id: { is: 'phone', about: 'its id, …@g.us' },
      lids: { is: 'flag', about: 'its members are known by LID' }
    },
    run: (web, args) => ({
      id: web.phone.group({
        subject: text(args, 'subject'),
        participants: args['participants'] as string[],
        lids: args['lids'] === true,
        ...(args['id'] ? { id: text(args, 'id') } : {})
      })
    })
  },
  notice: {
    about: 'something happens to a group',
    fields: {
      group: { ...writer.group, required },
      by: { is: 'phone', about: 'who did it', required },
      subtype: {
        is: [
          'add',
          'invite',
          'remove',
          'leave',
          'promote',
          'demote',
          'subject',
          'description',
          'picture',
          'membership_approval_request'
        ],
        about: 'what',
        required
      },
      who: { is: 'list', about: 'to whom' },
      text: { is: 'text', about: 'the new subject or description' }
    },
    run: (web, args) =>
      web.phone.groupNotice({
        group: text(args, 'group'),
        by: text(args, 'by'),
        subtype: text(args, 'subtype'),
        who: (args['who'] as string[] | undefined) ?? [],
        text: (args['text'] as string | undefined) ?? ''
      })
  },
  ciphertext: {
    about: 'a message that cannot be decrypted yet (decrypt), or never',
    fields: {
      ...writer,
      text: { is: 'text', about: 'what it says', required },
      resend: { is: 'flag', about: 'it is decrypted when the page asks the phone for it again' }
    },
    run: (web, args) =>
      web.phone.ciphertext({
        ...common(args),
        text: text(args, 'text'),
        resend: args['resend'] === true
      })
  },
  decrypt: {
    about: 'a ciphertext can be decrypted now',
    fields: { message: aMessage },
    run: (web, args) => web.phone.decrypt({ message: text(args, 'message') })
  },
  edit: {
    about: 'a message is edited by its writer',
    fields: { message: aMessage, text: { is: 'text', about: 'the new text', required } },
    run: (web, args) => web.phone.edit({ message: text(args, 'message'), text: text(args, 'text') })
  },
  revoke: {
    about: 'a message is deleted for everyone',
    fields: { message: aMessage },
    run: (web, args) => web.phone.revoke({ message: text(args, 'message') })
  },
  delete: {
    about: 'the operator deletes a message for himself',
    fields: { message: aMessage },
    run: (web, args) => web.phone.deleteForMe({ message: text(args, 'message') })
  },
  react: {
    about: 'somebody reacts to a message',
    fields: {
      message: aMessage,
      from: { is: 'phone', about: 'who; the operator if left out' },
      emoji: { is: 'text', about: 'the emoji; left out, the reaction is taken back' }
    },
    run: (web, args) =>
      web.phone.react({
        message: text(args, 'message'),
        emoji: (args['emoji'] as string | undefined) ?? '',
        ...(args['from'] ? { from: text(args, 'from') } : {})
      })
  },
  call: {
    about: 'a lead calls and nobody answers',
    fields: { from: writer.from, video: { is: 'flag', about: 'a video call' } },
    run: (web, args) => web.phone.call({ from: text(args, 'from'), video: args['video'] === true })
  },
  raw: {
    about: 'a message of a type that nobody knows yet',
    fields: {
      ...writer,
      type: { is: 'text', about: 'the type', required },
      text: { is: 'text', about: 'its body' }
    },
    run: (web, args): Sent =>
      web.phone.raw({
        ...common(args),
        type: text(args, 'type'),
        ...(args['text'] ? { facts: { body: text(args, 'text') } } : {})
      })
  },
  lid: {
    about: 'WhatsApp tells the phone number of a LID',
    fields: {
      lid: { is: 'phone', about: '…@lid', required },
      phone: { is: 'phone', about: '+52…', required }
    },
    run: (web, args) => web.phone.lid({ lid: text(args, 'lid'), phone: text(args, 'phone') })
  },
  history: {
    about: 'many messages of long ago, told to nobody: only reading back finds them',
    fields: {
      chats: { is: 'number', about: 'how many chats', required },
      each: { is: 'number', about: 'messages in each', required },
      at: { is: 'number', about: 'when the first was written, UNIX seconds', required }
    },
    run: (web, args) => ({
      count: web.phone.history({
        chats: number(args, 'chats'),
        perChat: number(args, 'each'),
        from: number(args, 'at')
      }).length
    })
  },
  burst: {
    about: 'many texts from many leads at a rate',
    fields: {
      count: { is: 'number', about: 'how many', required },
      rate: { is: 'number', about: 'a second; 50 if left out' },
      chats: { is: 'number', about: 'from how many leads; 10 if left out' },
      text: { is: 'text', about: 'what they say, before a number' }
    },
    run: async (web, args) => {
      const ids = await burst(web.phone, {
        count: number(args, 'count'),
        perSecond: (args['rate'] as number | undefined) ?? 50,
        chats: (args['chats'] as number | undefined) ?? 10,
        text: (args['text'] as string | undefined) ?? 'message'
      })
      return { count: ids.length }
    }
  },
  logout: plain('the phone unlinks all its devices', (web) => web.logout()),
  conflict: plain('the linked device is opened in another browser', (web) => web.state('CONFLICT')),
  timeout: plain('WhatsApp Web waits for its server (TIMEOUT)', (web) => web.state('TIMEOUT')),
  state: {
    about: "the page's socket goes into a state",
    fields: { state: { is: states, about: 'the state', required } },
    run: (web, args) => web.state(text(args, 'state'))
  },
  network: {
    about: 'cuts the network, or brings it back',
    fields: { is: { is: ['on', 'off'], about: 'how it is from now on', required } },
    run: (web, args) => web.network(args['is'] === 'on')
  },
  dns: {
    about: 'whether names resolve in a Chromium started from now on',
    fields: { is: { is: ['on', 'off'], about: 'how it is from now on', required } },
    run: (web, args) => web.dns(args['is'] === 'on')
  },
  scenario: {
    about: 'how pages loaded from now on behave',
    fields: {
      sync: {
        is: ['normal', 'early', 'stuck', 'never'],
        about:
          'early: before whatsapp-web.js listens; stuck: it does not end; never: it does not begin'
      },
      missing: {
        is: 'list',
        about:
          'modules, or fields of them such as WAWebCollections.Msg, that are missing; none: --missing ""'
      },
      deprecated: { is: ['on', 'off'], about: 'the page shows no window.Debug.VERSION' },
      web: { is: eras, about: 'which WhatsApp Web it is' },
      'missing-inside': {
        is: ['on', 'off'],
        about: "what is missing is missing to the page's own code, too"
      },
      votes: {
        is: ['addon', 'direct'],
        about: 'how votes are stored: by the table of addons, or without it'
      },
      passkey: {
        is: ['on', 'off'],
        about: "after the scan WhatsApp asks for the account's passkey"
      },
      busybody: { is: ['on', 'off'], about: "the page's own code sends what it should not" },
      'qr-ms': { is: 'number', about: 'how long a code is shown' },
      'first-qr-ms': { is: 'number', about: 'how long the first is' },
      'qr-codes': { is: 'number', about: 'how many are' }
    },
    run: (web, args) => {
      const set = <K extends keyof Scenario>(name: K, value: Scenario[K] | undefined): void => {
        if (value !== undefined) web.scenario[name] = value
      }
      set('sync', args['sync'] as Scenario['sync'] | undefined)
      set('missing', args['missing'] as string[] | undefined)
      for (const [option, name] of Object.entries(switches)) {
        if (args[option] !== undefined) set(name, args[option] === 'on')
      }
      set('web', args['web'] as Era | undefined)
      set('votes', args['votes'] as Scenario['votes'] | undefined)
      set('qrMs', args['qr-ms'] as number | undefined)
      set('firstQrMs', args['first-qr-ms'] as number | undefined)
      set('qrCodes', args['qr-codes'] as number | undefined)
      return web.scenario
    }
  },
  rotate: plain('another code is shown, also to a page that is linked', (web) => web.rotate()),
  'synced-again': plain('the page reports its sync a second time', (web) => web.syncedAgain()),
  stall: {
    about: 'the page takes everything in and tells nobody, or again does',
    fields: {
      is: { is: ['on', 'off'], about: 'how it is from now on', required },
      until: {
        is: ['reinject', 'reload', 'restart', 'off'],
        about:
          'what makes it tell again: whatsapp-web.js listens anew, the page is loaded anew, the browser is another; off, as if left out: stall off alone'
      }
    },
    run: (web, args) => web.stall(args['is'] === 'on', args['until'] as StallCure | undefined)
  },
  throw: {
    about: 'the page raises an error',
    fields: { text: { is: 'text', about: 'its message' } },
    run: (web, args) => web.throwInPage((args['text'] as string | undefined) ?? 'a simulated error')
  },
  hang: plain('the page hangs', (web) => web.hangPage()),
  crash: plain('the page crashes', async (web) => ({ renderers: await web.crashPage() })),
  ...faults,
  outbound: plain(
    'lists what any page tried to send, mark as seen or show as presence, and counts all stanzas that left, by kind',
    (web) => ({
      outbound: web.outbound(),
      stanzas: web.stanzaCounts()
    })
  ),
  status: plain('tells what is linked and connected', (web) => ({
    linked_devices: web.linkedDevices(),
    connected: web.isConnected(),
    qr: web.shownQr(),
    outbound: web.outbound().length
  }))
}
