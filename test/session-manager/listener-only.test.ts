import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'

/**
 * LeadMaster listens and never sends. This proves it of the source: it fails when a way to send
 * comes within reach.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))
const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(ts|js|mjs|cjs|html)$/.test(file))
  .map((file) => `src/${file}`)

/** Every node of a file, at any depth. */
const nodes = (file: ts.SourceFile): ts.Node[] => {
  const all: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    all.push(node)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return all
}

/** Modules a file imports, statically or not, as values or as types only. */
const imports = (file: string): { from: string; typeOnly: boolean }[] =>
  nodes(parse(file)).flatMap((node) => {
    if (ts.isImportDeclaration(node))
      return {
        from: (node.moduleSpecifier as ts.StringLiteral).text,
        typeOnly: node.importClause?.isTypeOnly === true
      }
    if (ts.isExportDeclaration(node) && node.moduleSpecifier)
      return { from: (node.moduleSpecifier as ts.StringLiteral).text, typeOnly: node.isTypeOnly }
    const called = ts.isCallExpression(node) ? node.expression.getText() : ''
    const [first] = ts.isCallExpression(node) ? node.arguments : []
    const loads =
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        /(^|\.)require$|^createRequire\(/.test(called))
    return loads && first && ts.isStringLiteralLike(first)
      ? { from: first.text, typeOnly: false }
      : []
  })

t.test('there is source to look at', async (t) => {
  t.ok(sources.length >= 30)
  t.ok(sources.includes('src/session-manager/whatsapp/listener.ts'))
})

t.test(
  'only src/session-manager/whatsapp knows whatsapp-web.js or puppeteer, and only client.ts loads it',
  async (t) => {
    const library = /^(whatsapp-web\.js|puppeteer)/
    const all = sources
      .flatMap((file) => imports(file).map((found) => ({ file, ...found })))
      .filter(({ from }) => library.test(from))
    t.ok(all.length > 0)
    for (const { file, from } of all)
      t.match(file, /^src\/session-manager\/whatsapp\//, `${file} imports ${from}`)
    t.same(
      all.filter(({ typeOnly }) => !typeOnly).map(({ file }) => file),
      ['src/session-manager/whatsapp/client.ts']
    )
  }
)

t.test(
  'only the wiring and session/ reach the folder: for the Listener, its reasons and its states',
  async (t) => {
    const reaching = sources
      .filter((file) => !file.startsWith('src/session-manager/whatsapp/'))
      .flatMap((file) =>
        imports(file)
          .filter(({ from, typeOnly }) => !typeOnly && from.includes('/whatsapp/'))
          .map(({ from }) => `${file} ${from}`)
      )
    t.same(reaching.sort(), [
      'src/session-manager/account-connection.ts ./whatsapp/listener.ts',
      // What raw models are mapped by, and mapped again by.
      'src/session-manager/remapping.ts ./whatsapp/message.ts',
      'src/session-manager/remapping.ts ./whatsapp/remap.ts',
      'src/session-manager/session/connection.ts ../whatsapp/reason.ts',
      // Compares how far linking by passkey is; it imports nothing.
      'src/session-manager/session/session.ts ../whatsapp/passkey-state.ts'
    ])
  }
)

t.test('central-hub knows nothing of session-manager but the contract', async (t) => {
  for (const file of sources.filter((name) => name.startsWith('src/central-hub/'))) {
    for (const { from } of imports(file))
      t.notMatch(from, /session-manager/, `${file} imports ${from}`)
  }
  for (const file of sources.filter((name) => name.startsWith('src/contract/'))) {
    for (const { from } of imports(file))
      t.notMatch(from, /session-manager|central-hub|platform/, `${file} imports ${from}`)
  }
})

t.test('a Listener can do this and nothing else', async (t) => {
  const members = nodes(parse('src/session-manager/whatsapp/listener.ts'))
    .filter((node) => ts.isInterfaceDeclaration(node) && node.name.text === 'Listener')
    .flatMap((node) =>
      (node as ts.InterfaceDeclaration).members.map((member) => member.name?.getText())
    )
  t.same(members, [
    'start',
    'releaseHeld',
    'stop',
    'unlink',
    'probe',
    'whyNotReady',
    'pageReport',
    'reinject',
    'reload',
    'reportSync',
    'refreshQr',
    'pairingCode',
    'cancelPairing',
    'passkey',
    'phones',
    'readBack',
    'media'
  ])
})

/** What may be asked of the library's client, and of the messages it hands out. */
const allowed = new Set([
  'on',
  'initialize',
  'inject',
  'attachEventListeners',
  'bind',
  'info',
  'pupBrowser',
  'pupPage',
  'getWWebVersion',
  'requestPairingCode',
  'cancelPairingCode',
  'wid',
  'pushname',
  'Client',
  'NoAuth',
  'rawData',
  'split'
])

/** Every method of the library's own classes by which it acts, from its type declarations. */
const actions = (): string[] => {
  const members = nodes(parse('node_modules/whatsapp-web.js/index.d.ts'))
    .filter((node) => ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node))
    .filter((node) =>
      /^(Client|Message|Chat|GroupChat|PrivateChat|Channel|Contact|Call|Broadcast|Label|GroupNotification|ScheduledEvent|Poll)$/.test(
        (node as ts.ClassDeclaration).name?.text ?? ''
      )
    )
    .flatMap((node) => [...(node as ts.ClassDeclaration).members])
    .filter(
      (member) =>
        ts.isMethodDeclaration(member) ||
        ts.isMethodSignature(member) ||
        (ts.isPropertyDeclaration(member) &&
          member.type !== undefined &&
          ts.isFunctionTypeNode(member.type)) ||
        (ts.isPropertySignature(member) &&
          member.type !== undefined &&
          ts.isFunctionTypeNode(member.type))
    )
    .map((member) => member.name?.getText() ?? '')
  const reads =
    /^(get|is|search|on|once|off|emit|has|fetch|initialize|inject|toString|downloadMedia|requestPairingCode|cancelPairingCode|destroy|reload|resetState|attachEventListeners)/
  return [...new Set(members)].filter((name) => name !== '' && !reads.test(name))
}

t.test(
  'no file names a member of the library by which it sends, marks as seen or shows presence',
  async (t) => {
    const verbs = actions()
    for (const known of [
      'sendMessage',
      'sendSeen',
      'reply',
      'react',
      'forward',
      'sendPresenceAvailable',
      'sendStateTyping',
      'sendStateRecording',
      'markChatUnread',
      'markUnread',
      'archive',
      'pin',
      'edit',
      'star',
      'block',
      'acceptInvite',
      'createGroup',
      'setStatus'
    ]) {
      t.ok(verbs.includes(known), `${known} is among the ${verbs.length} found in the library`)
    }
    // those whose names are everyday words of other objects, too, are looked for where a client or
    // a message may be
    const everyday = new Set([
      'delete',
      'edit',
      'clear',
      'mute',
      'pin',
      'star',
      'reply',
      'react',
      'forward',
      'block',
      'leave',
      'vote',
      'reject',
      'logout',
      'archive',
      'accept',
      'subscribe',
      'unsubscribe'
    ])
    const text = /\.(\w+)|\[\s*['"`](\w+)['"`]\s*\]/g
    for (const file of sources) {
      const inListener = file.startsWith('src/session-manager/whatsapp/')
      const code =
        file === 'src/session-manager/whatsapp/guard.ts'
          ? readFileSync(join(root, file), 'utf8').replace(/export const refused[^]*?\n}\n/, '')
          : readFileSync(join(root, file), 'utf8')
      const named = [...code.matchAll(text)].map(([, member, key]) => member ?? key ?? '')
      const found = named.filter(
        (name) => verbs.includes(name) && (inListener || !everyday.has(name))
      )
      // page.ts unlinks this device by the page's own socket, as its menu does, and logs out
      // nothing else. The others take something out of sets of their own, or reject a promise.
      const own: Record<string, string[]> = {
        'page.ts': ['logout'],
        'passkey-page.ts': ['delete', 'reject'],
        'ear.ts': ['delete'],
        'id-shim.ts': ['delete'],
        'socket-watch.ts': ['delete']
      }
      t.same(
        found.filter(
          (name) => !own[file.replace('src/session-manager/whatsapp/', '')]?.includes(name)
        ),
        [],
        file
      )
    }
  }
)

t.test('those that hold the client ask of the library only what is allowed', async (t) => {
  const holding = ['listener.ts', 'client.ts', 'client-events.ts']
  const source = holding.flatMap((name) => nodes(parse(`src/session-manager/whatsapp/${name}`)))
  const holders = /^(client|source|library|message|whatsapp|info|this\.#client|client\?)$/
  const asked = new Set(
    source
      .filter(ts.isPropertyAccessExpression)
      .filter((node) => holders.test(node.expression.getText()))
      .map((node) => node.name.text)
  )
  t.ok(asked.has('getWWebVersion') && asked.has('on'), 'it is found where it is used')
  for (const name of asked) t.ok(allowed.has(name), `${name} is allowed`)
  const computed = source
    .filter(ts.isElementAccessExpression)
    .filter((node) => holders.test(node.expression.getText()))
  t.same(
    computed.map((node) => node.getText()),
    [],
    'nothing is asked by a computed name'
  )
})

t.test(
  'what runs in the page asks for these modules of WhatsApp Web only, and never for window.WWebJS.send…',
  async (t) => {
    const inPage = sources
      .filter(
        (file) =>
          file.startsWith('src/session-manager/whatsapp/') &&
          !/\/(guard|page-contract)\.ts$/.test(file)
      )
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n')
    const modules = new Set(
      [...inPage.matchAll(/(?:require|moduleOf|call)\('(\w+)'[),]/g)].map(
        ([, name]) => name as string
      )
    )
    t.same([...modules].sort(), [
      'WAWebAltDeviceLinkingApi',
      'WAWebApiContact',
      'WAWebBackendEventBus',
      'WAWebChatLoadMessages',
      'WAWebCmd',
      'WAWebCollections',
      'WAWebDownloadManager',
      'WAWebLaunchSocketUtils',
      'WAWebLinkDeviceEvents',
      'WAWebShortcakeLinkingAction',
      'WAWebShortcakeLinkingApi',
      'WAWebSocketModel',
      'WAWebUnpairDeviceJob',
      'WAWebUserPrefsIndexedDBStorage',
      'WAWebUserPrefsMeUser',
      'WAWebWidFactory'
    ])
    t.same(
      [...new Set([...inPage.matchAll(/WWebJS\??\.(\w+)/g)].map(([, name]) => name))],
      ['getMessageModel']
    )
    t.same([...new Set([...inPage.matchAll(/Cmd\.(\w+)/g)].map(([, name]) => name))], ['refreshQR'])
    t.notMatch(inPage, /require\((?!'|name)/, 'no module is asked for by a computed name')
  }
)
