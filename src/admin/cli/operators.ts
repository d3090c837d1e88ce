import { LeadMasterError, type Client, type Operator } from '../../client/index.ts'
import { scopesOfRole, type Role } from '../../contract/access.ts'
import { minPasswordLength } from '../../contract/team.ts'
import { sameSecret } from '../../platform/http/auth.ts'
import { clean, paint, table } from '../text.ts'
import {
  command,
  Fault,
  isConfirmed,
  meant,
  UsageError,
  type Command,
  type Context
} from './command.ts'

/** `leadmaster operators`: who may sign in at the hub. */

const roles = Object.keys(scopesOfRole) as Role[]

const roleOf = (given: string | undefined): Role => {
  const role = roles.find((known) => known === given)
  if (role !== undefined) return role
  if (given === undefined) throw new UsageError(`say --role ROLE: one of ${roles.join(', ')}`)
  throw new UsageError(`--role: there is no role ${JSON.stringify(given)}${meant(given, roles)}`)
}

/** @throws {Fault} when there is nobody of that username */
const find = async (hub: Client, username: string, signal: AbortSignal): Promise<Operator> => {
  const { operators } = await hub.listOperators({}, { signal })
  const found = operators.find((each) => each.username === username.toLowerCase())
  if (found !== undefined) return found
  const known = operators.map((each) => each.username)
  throw new Fault(
    `there is no operator ${JSON.stringify(username)}${meant(username, known)}; ` +
      'leadmaster operators list shows who there is'
  )
}

/** Asks for a new password, twice where it is typed. @throws {Fault} */
const newPassword = async ({ askSecret, typed, signal }: Context): Promise<string> => {
  const password = await askSecret('New password: ', signal)
  if (password === undefined || password === '')
    throw new Fault('no password was given: type it, or send it as a line to stdin')
  if (password.length < minPasswordLength)
    throw new Fault(`the password is too short: it takes at least ${minPasswordLength} characters`)
  const again = typed ? await askSecret('The same again: ', signal) : password
  if (again === undefined || !sameSecret(again, password))
    throw new Fault('the two passwords are not the same: nothing was changed')
  return password
}

const draw = (operators: readonly Operator[]): string => {
  const rows = operators.map(({ username, name, role, enabled, last_sign_in_at }) => [
    username,
    clean(name),
    enabled ? role : `${role}, disabled`,
    last_sign_in_at?.slice(0, 16).replace('T', ' ') ?? 'never'
  ])
  const [first = '', ...lines] = table([
    ['USERNAME', 'NAME', 'ROLE', 'LAST SIGN-IN (UTC)'],
    ...rows
  ])
    .trimEnd()
    .split('\n')
  return `${[paint('bold', first), ...lines].join('\n')}\n`
}

const list = command({
  name: 'operators list',
  summary: 'Lists who may sign in',
  help: 'With username, name, role, and when each signed in last.\n',
  options: {},
  run: async (_values, { hub, signal, say, note }) => {
    const { operators: all } = await hub().listOperators({}, { signal })
    if (all.length > 0) say(draw(all))
    else note('There is no operator. leadmaster operators add NAME --role admin adds the first.\n')
    return 0
  }
})

const add = command({
  name: 'operators add',
  summary: 'Adds an operator, and asks for a password',
  help: `NAME is the username to sign in with, whatever its case. \
The password is typed without echo, or is a line of stdin.

options:
  --role ROLE           admin (everything), operator (leads), viewer (reads)
  --name TEXT           as the team calls the operator; NAME unless given`,
  operand: 'NAME',
  options: { role: { type: 'string' }, name: { type: 'string' } },
  run: async ({ role: given, name }, context, username) => {
    const role = roleOf(given)
    const hub = context.hub()
    const password = await newPassword(context)
    const body = { username, name: name ?? username, role, password }
    const operator = await hub.createOperator({ body }, { signal: context.signal })
    context.say(`${operator.username} may sign in now, as ${operator.role}.\n`)
    return 0
  }
})

const password = command({
  name: 'operators password',
  summary: 'Gives an operator a new password',
  help: 'All sessions of the operator end. \
The password is typed without echo, or is a line of stdin.\n',
  operand: 'NAME',
  options: {},
  run: async (_values, context, username) => {
    const hub = context.hub()
    const operator = await find(hub, username, context.signal)
    const body = { password: await newPassword(context) }
    await hub.setOperatorPassword({ id: operator.id, body }, { signal: context.signal })
    context.say(`${operator.username} has a new password, and is signed out everywhere.\n`)
    return 0
  }
})

const remove = command({
  name: 'operators remove',
  summary: 'Removes an operator, and ends the sessions',
  help: `It asks first; without a terminal it wants --yes. The last admin cannot be removed.

options:
  --yes                 does not ask`,
  operand: 'NAME',
  options: { yes: { type: 'boolean' } },
  run: async ({ yes }, context, username) => {
    const { signal, say } = context
    const hub = context.hub()
    const operator = await find(hub, username, signal)
    const question = `Remove ${operator.username} (${operator.role})?`
    if (yes !== true && !(await isConfirmed(context, question, 'nobody was removed'))) return 1
    await hub.deleteOperator({ id: operator.id }, { signal }).catch((error: unknown) => {
      // Somebody else was faster.
      if (!(error instanceof LeadMasterError) || error.status !== 404) throw error
    })
    say(`${operator.username} cannot sign in any more.\n`)
    return 0
  }
})

const subcommands: Readonly<Record<string, Command>> = { list, add, password, remove }
const names = Object.keys(subcommands)

const help = `usage: leadmaster operators COMMAND [options]

Who may sign in at the hub.

  list                  ${list.summary}
  add NAME              ${add.summary}; --role ROLE
  password NAME         ${password.summary}
  remove NAME           ${remove.summary}; --yes

leadmaster operators COMMAND --help says more.
`

export const operators: Command = {
  summary: 'Adds, lists and removes who may sign in',
  help,
  run: (args, contextOf) => {
    const [name = '', ...rest] = args
    if (name === '--help' || name === '-h') {
      contextOf({}).say(help)
      return Promise.resolve(0)
    }
    const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined
    if (subcommand !== undefined) return subcommand.run(rest, contextOf)
    throw new UsageError(
      name === ''
        ? `say what to do: leadmaster operators ${names.join(', ')}`
        : `there is no command operators ${JSON.stringify(name)}${meant(name, names)}`
    )
  }
}
