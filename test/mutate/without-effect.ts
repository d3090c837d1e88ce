import type { WithoutEffect } from './report.ts'

/**
 * Mutants that nobody could tell from the code, each with the reason. Who changes such a line goes through its entries:
 * the command names those that fit no line.
 */
export const withoutEffect: readonly WithoutEffect[] = [
  ...of('central-hub/api/access.ts', "const [expires = '', signature = ''] = parseCookie(req.headers.cookie ?? '')[cookieName]?.split('.') ?? []", {
    '"Stryker was here!"': 'a cookie or a part of one that is not there is refused, whatever text is taken in its place',
    '["Stryker was here"]': 'a time that is no number is refused as one that is not there is'
  }),
  ...of('central-hub/api/access.ts', "const setCookie = ({ headers: { origin = '' } }: Request, value: string, maxAge: number): string =>", {
    '"Stryker was here!"': 'only whether it begins with https:// is asked'
  }),
  ...of('central-hub/webhooks/guard.ts', "if (address.kind() === 'ipv4') return undefined", {
    '*': 'only saves time: an IPv4 address is in no range of IPv6, and comes out the same'
  }),
  ...of('central-hub/webhooks/guard.ts', "const hostOf = ({ hostname }: URL): string => hostname.replace(/^\\[(.*)\\]$/, '$1')", {
    '*': 'the host of a URL has brackets around the whole of an IPv6 address or none'
  }),
  ...of('session-manager/whatsapp/guard.ts', 'const lost = armed.filter(({ holder, verb, ours }) => holder[verb] !== ours).length', {
    '*': 'a second look at what JavaScript already guarantees: nothing can change a property that is not configurable'
  }),
  ...of('session-manager/whatsapp/guard.ts', "const look: GuardLook = { blocked, armed: armed.length - lost, open: stuck.size + lost, seesModules: hook?.sees() === 'define' }", {
    'armed.length + lost': 'lost is 0, see above',
    'stuck.size - lost': 'lost is 0, see above'
  })
]

/** @param replacements reasons by replacement */
function of(file: string, line: string, replacements: Readonly<Record<string, string>>): WithoutEffect[] {
  return Object.entries(replacements).map(([replacement, reason]) => ({ file, line, replacement, reason }))
}
