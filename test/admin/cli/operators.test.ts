import t from 'tap'
import { apiToken } from '../../end-to-end/daemon.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { run, startHub, startOnTerminal, startTyped } from './terminal.ts'

const password = 'correct horse battery'

t.test('operators', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env, hub } = await startHub(t, upstream.url)
  const typed = async (args: string[], ...lines: string[]) => {
    const started = startTyped(t, ['operators', ...args], env)
    for (const line of lines) started.type(line)
    return { code: await started.ended, out: started.out(), err: started.err() }
  }
  const signIn = async (username: string, given: string): Promise<number> =>
    (
      await fetch(`${hub.url}/api/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password: given })
      })
    ).status

  await t.test('there is none at first', async (t) => {
    const listed = await run(t, ['operators', 'list'], env)
    t.match(listed, { code: 0, out: '', err: /leadmaster operators add NAME --role admin/ })
  })

  await t.test('one is added, with the password of stdin', async (t) => {
    const added = await typed(['add', 'Ana', '--role', 'admin', '--name', 'Ana García'], password)
    t.match(added, { code: 0, out: 'ana may sign in now, as admin.\n', err: '' })
    t.equal(await signIn('ana', password), 204)
    const { out } = await run(t, ['operators', 'list'], env)
    t.match(out, /^USERNAME +NAME +ROLE +LAST SIGN-IN \(UTC\)\nana +Ana García +admin +20\d\d-/)
  })

  await t.test('a password is no argument, and not too short', async (t) => {
    t.match(await typed(['add', 'luisa', '--role', 'viewer'], 'short'), {
      code: 1,
      err: /at least 10/
    })
    t.match(await run(t, ['operators', 'add', 'luisa', '--role', 'viewer'], env), {
      code: 1,
      err: /no password was given/
    })
    t.match(await run(t, ['operators', 'add', 'luisa', '--password', 'x'], env), {
      code: 2,
      err: /there is no option --password/
    })
  })

  await t.test('on a terminal the password is asked for twice, without echo', async (t) => {
    const args = ['operators', 'add', 'eva', '--role', 'viewer']
    const person = startOnTerminal(t, args, env, 'pipe')
    await person.seen(/New password: /)
    person.type(password)
    await person.seen(/The same again: /)
    person.type(password)
    await person.seen(/eva may sign in now/)
    t.equal(await person.ended, 0)
    t.notOk(person.out().includes(password), 'nothing that was typed is shown')
    t.equal(await signIn('eva', password), 204)

    const unsure = startOnTerminal(t, ['operators', 'add', 'leo', '--role', 'viewer'], env, 'pipe')
    await unsure.seen(/New password: /)
    unsure.type(password)
    await unsure.seen(/The same again: /)
    unsure.type(`${password}!`)
    t.equal(await unsure.ended, 1)
    t.match(unsure.out(), /the two passwords are not the same/)
  })

  await t.test('what is called wrongly is said', async (t) => {
    const wrong: [string[], RegExp][] = [
      [[], /leadmaster operators list, add, password, remove/],
      [['ad'], /did you mean add\?/],
      [['add', '--role', 'viewer'], /say NAME: leadmaster operators add NAME/],
      [['add', 'a', 'b', '--role', 'viewer'], /it takes one NAME, not also "b"/],
      [['add', 'a'], /say --role ROLE: one of admin, operator, viewer/],
      [['add', 'a', '--role', 'amin'], /did you mean admin\?/]
    ]
    for (const [args, words] of wrong)
      t.match(await run(t, ['operators', ...args], env), { code: 2, err: words }, args.join(' '))
    t.match(await run(t, ['operators', '--help'], env), { code: 0, out: /operators COMMAND/ })
    t.match(await run(t, ['operators', 'add', '--help'], env), { code: 0, out: /add NAME \[opt/ })
  })

  await t.test('a new password ends the sessions', async (t) => {
    const reset = await typed(['password', 'ANA'], 'another password')
    t.match(reset, { code: 0, out: /^ana has a new password, and is signed out everywhere/ })
    t.equal(await signIn('ana', password), 401)
    t.equal(await signIn('ana', 'another password'), 204)
    t.match(await typed(['password', 'anna'], password), {
      code: 1,
      err: /there is no operator "anna": did you mean ana\?/
    })
  })

  await t.test('one is removed after a question, and the last admin never', async (t) => {
    await typed(['add', 'luisa', '--role', 'viewer'], password)
    t.match(await typed(['remove', 'luisa'], 'n'), { code: 1, out: 'Nobody was removed.\n' })
    t.match(await run(t, ['operators', 'remove', 'luisa'], env), { code: 1, err: /say --yes/ })
    t.match(await typed(['remove', 'luisa'], 'y'), { code: 0, out: /^luisa cannot sign in/ })
    t.match(await run(t, ['operators', 'remove', 'ana', '--yes'], env), {
      code: 1,
      err: /this is the last admin/
    })
  })

  await t.test('an API key without the scope is told so', async (t) => {
    const answer = await fetch(`${hub.url}/api/keys`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'a', scopes: ['leads.read'] })
    })
    const { key } = (await answer.json()) as { key: string }
    t.match(await run(t, ['operators', 'list'], { ...env, LEADMASTER_TOKEN: key }), {
      code: 1,
      err: /this needs the scope admin/
    })
  })
})
