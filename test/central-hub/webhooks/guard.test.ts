import { promisify } from 'node:util'
import type { LookupAddress } from 'node:dns'
import t from 'tap'
import { SsrfGuard } from '../../../src/central-hub/webhooks/guard.ts'

const guard = (options: { allowed?: string[]; names?: Record<string, string[]> } = {}): SsrfGuard =>
  new SsrfGuard({
    allowed: options.allowed ?? [],
    envFile: '/etc/leadmaster/central-hub.env',
    resolve: async (name) => {
      const addresses = options.names?.[name]
      if (addresses === undefined)
        throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
      return addresses
    }
  })
const inUrl = (address: string): string =>
  `http://${address.includes(':') ? `[${address}]` : address}/hook`

const notPublic: Record<string, string[]> = {
  'this host': ['0.0.0.0', '0.1.2.3', '::'],
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  'private networks': [
    '10.0.0.1',
    '10.255.255.255',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    'fc00::1',
    'fd12:3456::1'
  ],
  'link-local, where clouds have their metadata': [
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fd00:ec2::254'
  ],
  'shared address space of carriers': ['100.64.0.1', '100.127.255.255'],
  multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1', 'ff0e::1'],
  broadcast: ['255.255.255.255'],
  reserved: [
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '240.0.0.1',
    '192.88.99.1'
  ],
  'reserved in IPv6': [
    '2001:db8::1',
    '3fff::1',
    '100::1',
    'fec0::1',
    '2001:2::1',
    '2001:10::1',
    '2001:20::1',
    '5f00::1',
    '4000::1',
    '::2'
  ],
  'IPv4 mapped into IPv6': [
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:0:127.0.0.1',
    '::127.0.0.1',
    '::10.0.0.1'
  ],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::a00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::808:808'],
  '6to4': ['2002:7f00:1::', '2002:a00:1::1', '2002:c0a8:1::', '2002:a9fe:a9fe::'],
  Teredo: ['2001:0:4136:e378:8000:63bf:3fff:fdd2', '2001::1']
}

for (const [what, addresses] of Object.entries(notPublic)) {
  t.test(`${what}: refused as it stands in a URL, and when a name leads there`, async (t) => {
    for (const address of addresses) {
      await t.rejects(guard().check(inUrl(address)), /not public/, address)
      t.throws(
        () => guard().checkHost(new URL(inUrl(address))),
        /not public/,
        `${address}, at each connection`
      )
      const named = guard({ names: { 'crm.example.com': [address] } })
      await t.rejects(
        named.check('https://crm.example.com/'),
        /crm\.example\.com has the address .* not public: .*WEBHOOK_PRIVATE_ADDRESSES in \/etc\/leadmaster\/central-hub\.env/,
        `a name for ${address}`
      )
      await t.rejects(
        promisify(named.lookup)('crm.example.com', { all: true }),
        /not public/,
        `a connection to a name for ${address}`
      )
    }
  })
}

t.test('public addresses are taken, those that lead to a public IPv4 one too', async (t) => {
  for (const address of [
    '8.8.8.8',
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450:4003::200e',
    '64:ff9b::808:808',
    '::ffff:8.8.8.8',
    '2002:808:808::1'
  ]) {
    await t.resolves(guard().check(inUrl(address)), address)
  }
})

t.test('other ways to write 127.0.0.1 in a URL gain nothing', async (t) => {
  for (const host of [
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '①②⑦.⓪.⓪.①',
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:0:0:1]'
  ]) {
    await t.rejects(guard().check(`http://${host}:3001/`), /not public/, host)
  }
})

t.test('a name is refused when any of its addresses is not public', async (t) => {
  const mixed = guard({ names: { 'crm.example.com': ['8.8.8.8', '10.0.0.1'] } })
  await t.rejects(mixed.check('https://crm.example.com/'), /10\.0\.0\.1/)
})

t.test(
  'a name that is public when it is checked and not when it is connected to is refused there (DNS rebinding)',
  async (t) => {
    const names: Record<string, string[]> = { 'crm.example.com': ['8.8.8.8'] }
    const rebound = guard({ names })
    await rebound.check('https://crm.example.com/')
    const lookup = promisify(rebound.lookup) as unknown as (
      host: string,
      options: object
    ) => Promise<LookupAddress[] | string>
    t.same(
      await lookup('crm.example.com', { all: true }),
      [{ address: '8.8.8.8', family: 4 }],
      'a socket gets what was checked'
    )
    t.equal(await lookup('crm.example.com', {}), '8.8.8.8')
    names['crm.example.com'] = ['169.254.169.254']
    await t.rejects(lookup('crm.example.com', { all: true }), /not public/)
    await t.rejects(lookup('crm.example.com', {}), /not public/)
  }
)

t.test('networks that are allowed are taken, and no others', async (t) => {
  const some = guard({
    allowed: ['127.0.0.0/8', 'fd00::/8'],
    names: { 'n8n.internal': ['127.0.0.1', 'fd00::5'] }
  })
  for (const url of [
    'http://127.0.0.1:5678/',
    'http://[fd00::5]/',
    'http://[::ffff:127.0.0.1]/',
    'http://n8n.internal/'
  ])
    await t.resolves(some.check(url), url)
  for (const url of ['http://10.0.0.1/', 'http://[::1]/', 'http://[fc00::1]/'])
    await t.rejects(some.check(url), /not public/, url)
})

t.test('what is no URL to post to says why', async (t) => {
  for (const [url, why] of [
    ['ftp://crm.example.com/', /http:\/\/ or https:\/\//],
    ['https://', /expected a URL/],
    ['https://user:secret@crm.example.com/', /a URL with a user or password in it is not taken/],
    ['https://user@crm.example.com/', /user or password/],
    ['https://:secret@crm.example.com/', /user or password/],
    ['xhttps://crm.example.com/', /http:\/\/ or https:\/\//],
    ['https-x://crm.example.com/', /http:\/\/ or https:\/\//],
    ['httpss://crm.example.com/', /http:\/\/ or https:\/\//],
    ['ws://crm.example.com/', /http:\/\/ or https:\/\//],
    ['https://crm.example.com:0/', /port 0/],
    [
      'https://nowhere.example.com/',
      /the name nowhere\.example\.com cannot be looked up \(ENOTFOUND\)/
    ]
  ] as const) {
    await t.rejects(guard().check(url), why, url)
  }
  await t.rejects(
    guard({ names: { 'crm.example.com': [] } }).check('https://crm.example.com/'),
    /has no address/
  )
})

t.test('an address is refused by itself, a name with the address that it leads to', async (t) => {
  const names = guard({ names: { 'crm.example.com': ['10.0.0.1'] } })
  const what =
    'is not public: if it is to be reached, allow its network by WEBHOOK_PRIVATE_ADDRESSES in /etc/leadmaster/central-hub.env'
  await t.rejects(names.check('http://10.0.0.1/'), { message: `the address 10.0.0.1 ${what}` })
  await t.rejects(names.check('http://[::1]/'), { message: `the address ::1 ${what}` })
  await t.rejects(names.check('https://crm.example.com/'), {
    message: `crm.example.com has the address 10.0.0.1, which ${what}`
  })
})

t.test(
  'at each connection only an address is looked at: a name is looked up by the socket',
  async (t) => {
    const none = guard()
    t.doesNotThrow(() => none.checkHost(new URL('https://nowhere.example.com/')))
    t.doesNotThrow(() => none.checkHost(new URL('https://8.8.8.8/')))
    t.doesNotThrow(() => none.checkHost(new URL('https://[2606:4700::1111]/')))
    t.throws(() => none.checkHost(new URL('https://10.0.0.1/')), /not public/)
  }
)

t.test(
  'a socket that asks for one address gets the first with its family, and none when it is refused',
  async (t) => {
    const names = guard({
      names: { 'crm.example.com': ['2606:4700::1111', '8.8.8.8'], 'in.example.com': ['10.0.0.1'] }
    })
    const ask = (host: string, options: object): Promise<unknown[]> =>
      new Promise((done) => {
        names.lookup(host, options, (...answer: unknown[]) => done(answer))
      })
    t.same(await ask('crm.example.com', {}), [null, '2606:4700::1111', 6])
    t.same(await ask('crm.example.com', { all: false }), [null, '2606:4700::1111', 6])
    t.same(await ask('crm.example.com', { all: true }), [
      null,
      [
        { address: '2606:4700::1111', family: 6 },
        { address: '8.8.8.8', family: 4 }
      ]
    ])
    const [error, addresses] = await ask('in.example.com', {})
    t.match((error as Error).message, /not public/)
    t.same(addresses, [])
  }
)

t.test('without a way given, names are looked up as the system has them', async (t) => {
  const system = new SsrfGuard({
    allowed: ['127.0.0.0/8', '::1/128'],
    envFile: '/etc/leadmaster/central-hub.env'
  })
  await t.resolves(system.check('http://localhost/'))
  await t.rejects(
    new SsrfGuard({ allowed: [], envFile: 'x' }).check('http://localhost/'),
    /localhost has the address (127\.0\.0\.1|::1), which is not public/
  )
})
