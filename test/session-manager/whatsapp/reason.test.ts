import t from 'tap'
import {
  explain,
  explainLogout,
  explainState,
  isLibraryError,
  missingModule
} from '../../../src/session-manager/whatsapp/reason.ts'

t.test('what went wrong, in the words an operator needs', async (t) => {
  for (const [error, reason, fault] of [
    [
      new Error('net::ERR_NAME_NOT_RESOLVED at https://web.whatsapp.com/'),
      'WhatsApp is unreachable: web.whatsapp.com cannot be resolved (net::ERR_NAME_NOT_RESOLVED)',
      false
    ],
    [
      new Error('net::ERR_INTERNET_DISCONNECTED at https://web.whatsapp.com/'),
      'WhatsApp is unreachable (net::ERR_INTERNET_DISCONNECTED)',
      false
    ],
    [
      new Error('net::ERR_CONNECTION_REFUSED at https://web.whatsapp.com/'),
      'WhatsApp is unreachable (net::ERR_CONNECTION_REFUSED)',
      false
    ],
    [
      'auth timeout',
      'web.whatsapp.com did not show WhatsApp Web (window.Debug.VERSION is missing)',
      true
    ],
    [
      new Error('Protocol error (Runtime.callFunctionOn): Target closed'),
      'Chromium or its page closed',
      false
    ],
    [new Error('Attempted to use detached Frame'), 'Chromium or its page closed', false],
    [
      new Error('Navigation failed because browser has disconnected!'),
      'Chromium or its page closed',
      false
    ],
    [
      new Error('Requiring unknown module "WAWebSocketModel"'),
      'WhatsApp Web has changed: its module WAWebSocketModel is missing',
      true
    ],
    [
      new Error('Failed to launch the browser process!\nTROUBLESHOOTING: …'),
      'Failed to launch the browser process!',
      true
    ],
    [
      new Error(
        "Network.enable timed out. Increase the 'protocolTimeout' setting in launch/connect calls for a higher timeout if needed."
      ),
      'Chromium runs, but its page does not answer (Network.enable)',
      true
    ],
    [
      new Error('Timed out after waiting 30000ms'),
      'Chromium runs, but opened no page in time',
      true
    ],
    ['a text', 'a text', true],
    [undefined, 'undefined', true]
  ] as const) {
    t.same(explain(error), { reason, fault }, reason)
  }
})

t.test('a state of WhatsApp Web', async (t) => {
  for (const [state, reason, fault] of [
    ['CONFLICT', /another browser \(CONFLICT\)/, false],
    ['DEPRECATED_VERSION', /no longer accepts this version/, true],
    ['TOS_BLOCK', /blocked this account \(TOS_BLOCK\): look at the phone/, true],
    ['SMB_TOS_BLOCK', /\(SMB_TOS_BLOCK\)/, true],
    ['UNPAIRED', /no longer linked \(UNPAIRED\)/, true],
    ['UNPAIRED_IDLE', /no longer linked \(UNPAIRED_IDLE\)/, true],
    ['PROXYBLOCK', /network \(PROXYBLOCK\)/, true],
    ['SOMETHING_NEW', /disconnected \(SOMETHING_NEW\)/, true]
  ] as const) {
    t.match(explainState(state), { reason, fault }, state)
  }
})

t.test('a module that WhatsApp renamed is named', async (t) => {
  for (const text of [
    'Requiring unknown module "WAWebCmd"',
    "Cannot find module 'WAWebCmd'",
    'module WAWebCmd is not defined',
    'Error: Module `WAWebCmd` missing'
  ]) {
    t.match(missingModule(text)?.reason, 'WAWebCmd', text)
    t.match(missingModule(new Error(text))?.reason, 'WAWebCmd')
  }
  t.equal(missingModule('Cannot find module "left-pad"'), undefined)
  t.equal(missingModule('WAWebCmd.sendSeen is not a function'), undefined)
})

t.test('whose error it is that nobody awaited', async (t) => {
  const from = (stack: string): Error => Object.assign(new Error('x'), { stack })
  t.ok(isLibraryError('auth timeout'), 'whatsapp-web.js throws texts')
  t.ok(
    isLibraryError(
      from(
        'Error: x\n    at Client.inject (/opt/leadmaster/node_modules/whatsapp-web.js/src/Client.js:100:9)'
      )
    )
  )
  t.ok(
    isLibraryError(
      from(
        'Error: x\n    at CdpFrame (/opt/leadmaster/node_modules/puppeteer-core/lib/cjs/Frame.js:1:1)'
      )
    )
  )
  t.notOk(
    isLibraryError(
      from('Error: x\n    at append (/opt/leadmaster/dist/session-manager/journal.js:1:1)')
    )
  )
  t.notOk(isLibraryError({ message: 'x' }))
  t.notOk(isLibraryError(undefined))
})

t.test(
  'the reason of a logout is read from the address that WhatsApp Web then shows',
  async (t) => {
    t.match(
      explainLogout('https://web.whatsapp.com/?post_logout=1&logout_reason=2'),
      /history in time/
    )
    t.match(explainLogout('https://web.whatsapp.com/?logout_reason=3'), /account is locked/)
    for (const none of [
      'https://web.whatsapp.com/',
      'https://web.whatsapp.com/?logout_reason=77',
      'about:blank',
      ''
    ])
      t.equal(explainLogout(none), undefined)
  }
)

t.test('states that WhatsApp Web has since 2026 have words', async (t) => {
  t.match(explainState('PROXYBLOCK'), { reason: /network \(PROXYBLOCK\)/, fault: true })
  t.match(explainState('SCREEN_LOCKED'), { reason: /screen lock \(SCREEN_LOCKED\)/, fault: true })
})
