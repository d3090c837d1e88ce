import t from 'tap'
import type { Answered } from '../../../src/admin/doctor/base-url.ts'
import { fault } from '../../../src/admin/doctor/finding.ts'
import { checkPinnedPage, checkWebVersions } from '../../../src/admin/doctor/web-version.ts'
import type { Status } from '../../../src/contract/session.ts'
import type { Played } from './played-host.ts'
import { ask, installed, lines, managerEnv } from './wired.ts'

const directory = '/var/lib/leadmaster/session-manager/web-versions'
const pinned = (version: string): Record<string, string> => ({
  '/etc/leadmaster/session-manager.env': managerEnv({ WEB_VERSION: version })
})
const pages = (...versions: string[]): NonNullable<Played['stats']> =>
  Object.fromEntries(
    versions.map((version, at) => [
      `${directory}/${version}.html`,
      { type: 'file' as const, mtimeMs: at + 1 }
    ])
  )

t.test('a pinned version whose page is missing: what there is, and what mends it', async (t) => {
  const check = async (played: Played) => checkPinnedPage(await ask(installed(played)))
  t.same(await check({}), [], 'none is pinned')
  t.same(await check({ files: pinned('2.3000.1'), stats: pages('2.3000.1') }), [])
  t.match(await check({ files: pinned('2.3000.1'), stats: pages('2.3000.9', '2.3000.10') }), [
    {
      state: 'fault',
      service: 'session-manager',
      detail: `WEB_VERSION=2.3000.1 is pinned, but its page ${directory}/2.3000.1.html is missing; kept are 2.3000.10, 2.3000.9`,
      mend: /^sed -i 's\|\^WEB_VERSION=\.\*\|WEB_VERSION=2\.3000\.10\|' \/etc\/leadmaster\/session-manager\.env && systemctl restart leadmaster-session-manager$/
    }
  ])
  t.match(await check({ files: pinned('2.3000.1') }), [
    {
      state: 'fault',
      detail: /; no version is kept$/,
      mend: /^sed -i '\/\^WEB_VERSION=\/d' .* && systemctl restart leadmaster-session-manager$/
    }
  ])
})

t.test('the version that is shown, the pinned one and those kept', async (t) => {
  const check = async (
    played: Played,
    status: Partial<Status>,
    found: Parameters<typeof ask>[1] = []
  ) => {
    const asked = await ask(installed(played), found)
    const [manager] = asked.installation.services
    return checkWebVersions(asked, [
      { manager, identity: { account: 'main', status: { status: 'READY', ...status } } } as Answered
    ])
  }
  const stats = pages('2.3000.1', '2.3000.2')
  t.same(lines(await check({ stats }, { whatsapp_web_version: '2.3000.2' })), [
    'ok session-manager version 2.3000.2; pinned: none; kept: 2.3000.2, 2.3000.1'
  ])
  t.same(lines(await check({}, { status: 'QR_REQUIRED' })), [
    'ok session-manager version not known yet; pinned: none; kept: none'
  ])
  t.same(
    lines(await check({ stats, files: pinned('2.3000.1') }, { whatsapp_web_version: '2.3000.1' })),
    ['ok session-manager version 2.3000.1; pinned: 2.3000.1; kept: 2.3000.2, 2.3000.1']
  )
  t.match(await check({ stats, files: pinned('2.3000.1') }, { whatsapp_web_version: '2.3000.2' }), [
    {
      state: 'note',
      detail:
        /^version 2\.3000\.2; pinned: 2\.3000\.1; .* The page tells another version than the pinned one$/,
      mend: /^sed -i '\/\^WEB_VERSION=\/d'/
    }
  ])
  t.same(
    await check({}, {}, [
      fault('WhatsApp Web', 'session-manager', 'its page is missing', 'mend it')
    ]),
    [],
    'told already'
  )
})
