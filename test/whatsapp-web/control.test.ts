import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { verbs } from './verbs.ts'
import { ownDirectory } from '../platform/own-directory.ts'

/**
 * The simulated WhatsApp as a process of its own, told what happens over HTTP and by
 * scripts/simulate.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Running {
  home: string
  url: string
  end(): Promise<number | null>
}

const start = async (t: Test, home = ownDirectory(t)): Promise<Running> => {
  const child = spawn(
    process.execPath,
    [join(root, 'test/whatsapp-web/main.ts'), '--directory', join(home, 'whatsapp-web')],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const closed = once(child, 'close') as Promise<[number | null]>
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { url, chromium_path } = JSON.parse(line) as { url: string; chromium_path: string }
  t.match(JSON.parse(await readFile(join(home, 'whatsapp-web/control.json'), 'utf8')), {
    url,
    chromium_path,
    pid: child.pid
  })
  return {
    home,
    url,
    end: async () => {
      child.kill('SIGTERM')
      return (await closed)[0]
    }
  }
}

const post = async (
  url: string,
  verb: string,
  body: unknown = {}
): Promise<{ status: number; body: Record<string, unknown> }> => {
  const answer = await fetch(`${url}/${verb}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

const simulate = async (
  home: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> => {
  const env = { PATH: '/usr/bin:/bin', LEADMASTER_HOME: home }
  return promisify(execFile)(join(root, 'scripts/simulate'), args, { env }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr
    })
  )
}

t.test('what is wrong with a request is named', async (t) => {
  const { url } = await start(t)
  for (const [verb, body, status, error] of [
    ['nonsense', {}, 404, /^no verb nonsense; expected scan, pair, message/],
    ['message', 'not json', 400, /^the body is not JSON/],
    ['message', '[]', 400, 'the body is not a JSON object'],
    ['message', { text: 'x' }, 400, 'from: is missing'],
    ['message', { from: '+5215512345678' }, 400, 'text: is missing'],
    ['message', { from: 'Ana', text: 'x' }, 400, /^from: expected a phone number/],
    ['message', { from: '+5215512345678', text: 5 }, 400, 'text: expected a text'],
    [
      'message',
      { from: '+5215512345678', text: 'x', txt: 'y' },
      400,
      /^txt: unknown; expected from, group/
    ],
    [
      'message',
      { from: '+5215512345678', text: 'x', quotes: 'nothing' },
      400,
      'there is no message nothing'
    ],
    [
      'location',
      { from: '+5215512345678', latitude: 'north', longitude: 5 },
      400,
      'latitude: expected a number'
    ],
    ['image', { from: '+5215512345678', file: '***' }, 400, 'file: expected the file in base64'],
    ['state', { state: 'ASLEEP' }, 400, /^state: expected CONFLICT, CONNECTED/],
    ['call', { from: '+5215512345678', video: 'yes' }, 400, 'video: expected true or false'],
    ['pair', {}, 400, 'code: is missing'],
    ['pair', { code: 'ABCD-EFGH' }, 400, 'code: that is not a code that is valid now'],
    ['reply', { text: 'x' }, 400, 'from, to or group is missing: nobody writes to nobody']
  ] as const) {
    const answer = await post(url, verb, body)
    t.equal(answer.status, status, `${verb} ${JSON.stringify(body)}`)
    t.match(answer.body['error'], error)
  }
  t.equal((await fetch(`${url}/message`)).status, 405)
  t.same(
    Object.keys((await (await fetch(url)).json()) as object),
    Object.keys(verbs),
    'GET / lists the verbs'
  )
})

t.test('its state outlives it', async (t) => {
  const first = await start(t)
  const { body } = await post(first.url, 'message', {
    from: '+5215512345678',
    text: 'Hola',
    id: '3EB0AA'
  })
  t.match(body, { id: 'false_5215512345678@c.us_3EB0AA', chat: '5215512345678@c.us', t: Number })
  t.equal(await first.end(), 0)
  await t.rejects(readFile(join(first.home, 'whatsapp-web/control.json')), /ENOENT/)
  const second = await start(t, first.home)
  t.match(
    (await post(second.url, 'message', { from: '+5215512345678', text: 'again', id: '3EB0AA' }))
      .body,
    { error: 'id: there is a message 3EB0AA already' }
  )
  t.match((await post(second.url, 'edit', { message: '3EB0AA', text: 'Hello' })).body, {})
  t.equal(await second.end(), 0)
})

t.test('scripts/simulate', async (t) => {
  const nowhere = join(ownDirectory(t), 'nowhere')
  t.match(await simulate(nowhere, 'status'), {
    code: 1,
    err: /no simulated WhatsApp is running .*start it with \.\/scripts\/up --simulated/
  })
  const help = await simulate(nowhere, '--help')
  t.equal(help.code, 0)
  for (const [verb, { about, fields }] of Object.entries(verbs)) {
    t.ok(help.out.includes(`  ${verb}: ${about}`), `--help tells of ${verb}`)
    for (const field of Object.keys(fields))
      t.ok(help.out.includes(`--${field}`), `${verb} --${field}`)
  }
  t.match(await simulate(nowhere), {
    code: 2,
    err: /a verb is missing; expected scan, pair, message/
  })
  t.match(await simulate(nowhere, 'mesage'), {
    code: 2,
    err: /no verb mesage; expected scan, pair, message/
  })
  t.match(await simulate(nowhere, 'message', '--form', 'x'), {
    code: 2,
    err: /Unknown option '--form'; expected --from, --group/
  })
  t.match(await simulate(nowhere, 'message', '--from', '+5215512345678'), {
    code: 2,
    err: /message: --text is missing/
  })
  t.match(await simulate(nowhere, 'image', '--from', '+5215512345678', '--file', '/nowhere.png'), {
    code: 2,
    err: /--file: ENOENT/
  })

  const { home } = await start(t)
  const sent = await simulate(
    home,
    'message',
    '--from',
    '+5215512345678',
    '--name',
    'Ana',
    '--text',
    'Hola'
  )
  t.equal(sent.code, 0, sent.err)
  const { id } = JSON.parse(sent.out) as { id: string }
  for (const args of [
    ['reply', '--to', '+5215512345678', '--text', 'Sí', '--quotes', id],
    ['image', '--from', '+5215512345678', '--file', join(root, 'LICENSE'), '--caption', 'c'],
    ['voice', '--from', '+5215512345678'],
    ['location', '--from', '+5215512345678', '--latitude', '19.43', '--longitude=-99.13'],
    ['contact', '--from', '+5215512345678', '--cards', 'Beto=+5215599999999'],
    [
      'group',
      '--subject',
      'Casas',
      '--participants',
      '+5215512345678',
      '--id',
      '120363000000000001@g.us'
    ],
    [
      'message',
      '--from',
      '+5215512345678',
      '--group',
      '120363000000000001@g.us',
      '--text',
      'hello'
    ],
    [
      'notice',
      '--group',
      '120363000000000001@g.us',
      '--by',
      '+5215512345678',
      '--subtype',
      'leave'
    ],
    ['react', '--message', id, '--from', '+5215512345678', '--emoji', '👍'],
    ['edit', '--message', id, '--text', 'Hola!'],
    ['revoke', '--message', id],
    ['call', '--from', '+5215512345678', '--video'],
    ['burst', '--count', '20', '--rate', '1000'],
    ['fixture', '--name', 'location'],
    ['chat-fault', '--chat', '+5215512345678', '--fault', 'busy'],
    ['media-servers', '--is', 'off'],
    ['refresh', '--how', 'HARD_REFRESH'],
    ['checkpoint'],
    ['passkey'],
    ['attempts'],
    ['scenario', '--web', 'next', '--busybody', 'on'],
    ['outbound'],
    ['status'],
    ['logout'],
    ['conflict'],
    ['scenario', '--sync', 'normal']
  ]) {
    const { code, err } = await simulate(home, ...args)
    t.equal(code, 0, `${args.join(' ')} ${err}`)
  }
  t.match(await simulate(home, 'edit', '--message', 'nothing', '--text', 'x'), {
    code: 1,
    err: /edit: there is no message nothing/
  })
})
