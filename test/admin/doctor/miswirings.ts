/**
 * Miswirings made on purpose, as data: miswired.test.ts makes them in a run in the foreground, and
 * the same list can be made on a booted systemd. `make` is a command for bash with these variables
 * in its environment: ETC            where the env files are MANAGER_STATE  STATE_DIR of
 * session-manager HUB_STATE      STATE_DIR of central-hub MANAGER_PORT, HUB_PORT
 */
export interface Miswiring {
  what: string
  make: string
  /** Must fit `SERVICE CHECK: DETAIL` of the first fault that doctor names. */
  cause: RegExp
  /** Where it can be made: anywhere; as root alone; with systemd alone (and root). */
  needs?: 'root' | 'systemd'
  /**
   * What is done with both services: before it is made, after it was made. Nothing unless said:
   * they run on.
   */
  before?: 'stop'
  after?: 'restart' | 'start'
  /** Undoes what the mend leaves as it is, so that the next one finds what it expects. */
  undo?: string
}

const manager = '"$ETC/session-manager.env"'
const hub = '"$ETC/central-hub.env"'
/** Sets a variable in a file. */
const set = (file: string, name: string, value: string): string =>
  `sed -i 's|^${name}=.*|${name}=${value}|' ${file}`
const add = (file: string, line: string): string => `echo '${line}' >>${file}`

/** A drop-in of a unit, or with "" one of all units. */
const dropIn = (service: 'session-manager' | 'central-hub', ...lines: string[]): string =>
  `mkdir -p /etc/systemd/system/leadmaster-${service}.service.d && printf '[Service]\\n${lines.join('\\n')}\\n' >/etc/systemd/system/leadmaster-${service}.service.d/made.conf && systemctl daemon-reload`
/** A setting with which the service cannot do its work, whether or not it was started with it. */
const confined = (
  service: 'session-manager' | 'central-hub',
  setting: string,
  effect: string
): Miswiring => ({
  what: `a drop-in with ${setting} for ${service}`,
  make: dropIn(service, setting),
  needs: 'systemd',
  cause: new RegExp(
    `^${service} drop-in: \\S+/made\\.conf sets ${setting.replace(/=.*/, '=')}.*: .*${effect}`
  )
})

export const miswirings: readonly Miswiring[] = [
  // --- the env files ---
  {
    what: 'no session-manager.env',
    make: `rm ${manager}`,
    cause: /^session-manager env file: .*session-manager\.env is missing/
  },
  {
    what: 'no central-hub.env',
    make: `rm ${hub}`,
    cause: /^central-hub env file: .*central-hub\.env is missing/
  },
  {
    what: 'a near miss of a name',
    make: `sed -i 's/^LOG_LEVEL=/LOGLEVEL=/' ${manager}`,
    cause: /^session-manager env file: LOGLEVEL is unknown: did you mean LOG_LEVEL\?/,
    after: 'restart'
  },
  {
    what: 'a name that nobody knows',
    make: add(hub, 'REDIS_URL=redis://cache/0'),
    cause: /^central-hub env file: REDIS_URL is unknown/,
    after: 'restart'
  },
  {
    what: "the other service's variable",
    make: add(hub, 'CHROMIUM_PATH=/usr/bin/chromium'),
    cause: /^central-hub env file: CHROMIUM_PATH is unknown/
  },
  {
    what: 'a required variable is missing',
    make: `sed -i '/^PORT=/d' ${hub}`,
    cause: /^central-hub env file: PORT is missing/
  },
  {
    what: 'an empty variable',
    make: set(manager, 'LOG_LEVEL', ''),
    cause: /^session-manager env file: LOG_LEVEL is empty/
  },
  {
    what: 'a port that is no number',
    make: set(manager, 'PORT', '30x1'),
    cause: /^session-manager env file: PORT="30x1" is refused/,
    after: 'restart'
  },
  {
    what: 'a port out of range',
    make: set(hub, 'PORT', '70000'),
    cause: /^central-hub env file: PORT="70000" is refused/
  },
  {
    what: 'a value in capitals',
    make: set(hub, 'LOG_LEVEL', 'INFO'),
    cause: /^central-hub env file: LOG_LEVEL="INFO" is refused/
  },
  {
    what: 'a duration without a unit',
    make: add(hub, 'SHUTDOWN_TIMEOUT=15'),
    cause: /^central-hub env file: SHUTDOWN_TIMEOUT="15" is refused/
  },
  {
    what: 'a list that is empty',
    make: add(hub, 'ALLOWED_HOSTS='),
    cause: /^central-hub env file: ALLOWED_HOSTS is empty/
  },
  {
    what: 'a comment after a value',
    make: `sed -i 's/^HOST=.*/& # this machine alone/' ${hub}`,
    cause: /^central-hub env file: HOST="127.0.0.1 # this machine alone" is refused/
  },
  {
    what: 'a URL without http://',
    make: `sed -i 's|^SESSION_MANAGER_BASE_URL=http://|SESSION_MANAGER_BASE_URL=|' ${hub}`,
    cause: /^central-hub env file: SESSION_MANAGER_BASE_URL="127.0.0.1:\d+" is refused/
  },
  {
    what: 'a URL with a path',
    make: `sed -i 's|^SESSION_MANAGER_BASE_URL=.*|&/api|' ${hub}`,
    cause: /^central-hub env file: SESSION_MANAGER_BASE_URL=".*\/api" is refused/
  },
  {
    what: '"export" before a variable',
    make: `sed -i 's/^PORT=/export PORT=/' ${manager}`,
    cause: /^session-manager env file: "export" before PORT/
  },
  {
    what: 'a line as in YAML',
    make: `sed -i 's/^PORT=/PORT: /' ${hub}`,
    cause: /^central-hub env file: line \d+ has PORT but no =/
  },
  {
    what: 'a line that is no assignment',
    make: add(hub, 'these are the settings of the hub'),
    cause: /^central-hub env file: line \d+ is neither a comment nor NAME=VALUE/
  },
  {
    what: 'a quote that is not closed',
    make: `sed -i 's/^LOG_LEVEL=/LOG_LEVEL="/' ${manager}`,
    cause: /^session-manager env file: line \d+ opens a quote/
  },
  {
    what: 'an env file that everybody may read',
    make: `chmod 0644 ${hub}`,
    cause: /^central-hub env file: .*central-hub\.env \(mode 0644\) is open to every user/
  },
  {
    what: 'an env file of another owner',
    make: `chown nobody ${hub}`,
    cause: /^central-hub env file: .*central-hub\.env \(mode 0640\) belongs to uid \d+/,
    needs: 'root'
  },

  // --- the tokens ---
  {
    what: 'tokens that differ',
    make: set(hub, 'SESSION_MANAGER_TOKEN', 'another-token-than-the-one-in-the-other-file'),
    cause:
      /^session-manager tokens: SESSION_MANAGER_TOKEN in .*session-manager\.env is not the one in .*central-hub\.env/,
    after: 'restart'
  },
  {
    what: 'one token too short',
    make: set(hub, 'SESSION_MANAGER_TOKEN', 'secret'),
    cause: /^central-hub env file: SESSION_MANAGER_TOKEN=\(hidden\) is refused/
  },
  {
    what: 'both tokens too short',
    make: `${set(hub, 'SESSION_MANAGER_TOKEN', 'secret')}; ${set(manager, 'SESSION_MANAGER_TOKEN', 'secret')}`,
    cause: /^session-manager env file: SESSION_MANAGER_TOKEN=\(hidden\) is refused/
  },
  {
    what: 'no token for frontends',
    make: set(hub, 'HUB_API_TOKEN', ''),
    cause: /^central-hub env file: HUB_API_TOKEN is empty/
  },

  // --- who listens where ---
  {
    what: 'a base URL with the wrong port',
    make: `sed -i 's|^SESSION_MANAGER_BASE_URL=.*|SESSION_MANAGER_BASE_URL=http://127.0.0.1:9|' ${hub}`,
    cause:
      /^central-hub base URL: SESSION_MANAGER_BASE_URL=http:\/\/127\.0\.0\.1:9, but session-manager is to listen on/,
    after: 'restart'
  },
  {
    what: 'a base URL that is the hub itself',
    make: `sed -i "s|^SESSION_MANAGER_BASE_URL=.*|SESSION_MANAGER_BASE_URL=http://127.0.0.1:$HUB_PORT|" ${hub}`,
    cause: /^central-hub base URL: SESSION_MANAGER_BASE_URL=/,
    after: 'restart'
  },
  {
    what: 'both services on one port',
    make: `sed -i "s|^PORT=.*|PORT=$MANAGER_PORT|" ${hub}`,
    cause: /^central-hub port: PORT=\d+ is also that of session-manager/,
    after: 'restart'
  },
  {
    what: 'an address of another machine',
    make: set(hub, 'HOST', '192.0.2.7'),
    cause: /^central-hub port: HOST=192\.0\.2\.7 is no address of this machine/,
    after: 'restart'
  },
  {
    what: 'a port taken by another program',
    before: 'stop',
    make: `python3 -m http.server --bind 127.0.0.1 "$HUB_PORT" >/dev/null 2>&1 & echo $! >"$ETC/python.pid"; until (exec 3<>"/dev/tcp/127.0.0.1/$HUB_PORT") 2>/dev/null; do sleep 0.1; done`,
    after: 'start',
    cause:
      /^central-hub port: PORT=\d+ is taken by process \d+ \(python3[.\d]*\): end that, or have central-hub listen elsewhere/,
    undo: 'kill "$(cat "$ETC/python.pid")"; rm "$ETC/python.pid"'
  },
  {
    what: 'a wrong ENV_FILE',
    make: add(hub, 'ENV_FILE=/srv/central-hub.env'),
    cause: /^central-hub base URL: ENV_FILE=\/srv\/central-hub\.env, but its file is/
  },
  {
    what: 'an address of the page that the hub does not answer to',
    make: add(hub, 'PUBLIC_URL=https://hub.example.com'),
    cause:
      /^central-hub public URL: PUBLIC_URL=https:\/\/hub\.example\.com, but ALLOWED_HOSTS does not have hub\.example\.com/
  },
  {
    what: 'a further account that is not there',
    make: add(hub, 'FURTHER_SESSION_MANAGERS=sales=http://127.0.0.1:9'),
    cause:
      /^central-hub base URL: FURTHER_SESSION_MANAGERS has sales=http:\/\/127\.0\.0\.1:9, but no session-manager here has ACCOUNT=sales/
  },

  // --- the running processes ---
  {
    what: 'an edited file without a restart',
    make: set(hub, 'LOG_LEVEL', 'debug'),
    cause:
      /^central-hub running environment: restart needed, process \d+ has another environment than its file: LOG_LEVEL is "\w+", in the file "debug"$/
  },
  {
    what: 'a variable added without a restart',
    make: add(manager, 'READY_TIMEOUT=5m'),
    cause:
      /^session-manager running environment: restart needed, .*: READY_TIMEOUT is not set, in the file "5m"$/
  },
  {
    what: 'a secret changed without a restart',
    make: set(hub, 'HUB_API_TOKEN', 'a-new-token-for-frontends-0123456789abcdef'),
    cause: /^central-hub running environment: restart needed, .*: HUB_API_TOKEN differs$/
  },

  // --- the state directories ---
  {
    what: 'a state directory that everybody may enter',
    make: 'chmod 0755 "$HUB_STATE"',
    cause: /^central-hub state directory: .* can be entered by other users \(mode 0755\)/
  },
  {
    what: 'a state directory that is gone',
    make: 'rm -rf "$HUB_STATE"',
    cause: /^central-hub state directory: .* is missing/
  },
  {
    what: 'a database that may not be written',
    before: 'stop',
    make: 'chmod 0400 "$HUB_STATE/hub.db"',
    after: 'start',
    cause: /^central-hub state directory: .* has hub\.db, which .* may not write \(mode 0400\)/
  },
  {
    what: 'a journal of root',
    before: 'stop',
    make: 'chown root "$MANAGER_STATE/journal.db"',
    after: 'start',
    cause: /^session-manager state directory: .* has journal\.db, which belongs to uid 0/,
    needs: 'root'
  },
  {
    what: 'a state directory of root',
    make: 'chown root "$HUB_STATE"',
    cause: /^central-hub state directory: .* belongs to uid 0/,
    needs: 'root'
  },
  {
    what: 'a state directory mounted read-only',
    make: 'mount --bind "$HUB_STATE" "$HUB_STATE" && mount -o remount,ro,bind "$HUB_STATE"',
    cause: /^central-hub state directory: .* is on a file system mounted read-only/,
    needs: 'systemd',
    undo: 'umount "$HUB_STATE"'
  },
  {
    what: 'a state directory outside of what the unit may write',
    make: 'sed -i "s|^STATE_DIR=.*|STATE_DIR=/srv/leadmaster|" "$ETC/central-hub.env"',
    cause: /^central-hub state directory: \/srv\/leadmaster is closed to the unit/,
    after: 'restart',
    needs: 'systemd'
  },

  // --- Chromium ---
  {
    what: 'a Chromium that is not there',
    make: `sed -i '/^CHROMIUM_PATH=/d' ${manager}; ${add(manager, 'CHROMIUM_PATH=/opt/google/chrome')}`,
    cause: /^session-manager chromium: CHROMIUM_PATH=\/opt\/google\/chrome does not exist/
  },
  {
    what: 'a Chromium that is none',
    make: `sed -i '/^CHROMIUM_PATH=/d' ${manager}; ${add(manager, 'CHROMIUM_PATH=/bin/true')}`,
    cause: /^session-manager chromium: CHROMIUM_PATH=\/bin\/true is no Chromium that runs/
  },
  {
    what: 'a Chromium that may not be executed',
    make: `printf '#!/bin/sh\\nexec /usr/bin/chromium "$@"\\n' >"$MANAGER_STATE/chromium"; chmod 0644 "$MANAGER_STATE/chromium"; chown --reference="$MANAGER_STATE" "$MANAGER_STATE/chromium"; sed -i '/^CHROMIUM_PATH=/d' ${manager}; echo "CHROMIUM_PATH=$MANAGER_STATE/chromium" >>${manager}`,
    cause: /^session-manager chromium: CHROMIUM_PATH=.* may not be executed/
  },

  // --- the units ---
  {
    what: 'a hub that was stopped',
    make: 'systemctl stop leadmaster-central-hub',
    cause: /^central-hub unit: not running: it was stopped, or never started/,
    needs: 'systemd'
  },
  {
    what: 'everything was stopped',
    make: "systemctl stop 'leadmaster-*'",
    cause: /^session-manager unit: not running: it was stopped, or never started/,
    needs: 'systemd'
  },
  {
    what: 'a unit that does not start at boot',
    make: 'systemctl disable leadmaster-central-hub',
    cause: /^central-hub unit: leadmaster-central-hub is disabled/,
    needs: 'systemd'
  },
  {
    what: 'a target that does not start at boot',
    make: 'systemctl disable leadmaster.target',
    cause: /^target unit: leadmaster\.target is disabled/,
    needs: 'systemd'
  },
  {
    what: 'a unit file changed without daemon-reload',
    make: 'echo "# changed" >>"$(systemctl show -P FragmentPath leadmaster-central-hub)"',
    cause: /^central-hub unit: its unit files were changed/,
    needs: 'systemd'
  },
  {
    what: 'a drop-in with a variable',
    make: 'mkdir -p /etc/systemd/system/leadmaster-central-hub.service.d && printf "[Service]\\nEnvironment=UPSTREAM_MAX_DELAY=5m\\n" >/etc/systemd/system/leadmaster-central-hub.service.d/delay.conf && systemctl daemon-reload',
    cause:
      /^central-hub drop-in: .*delay\.conf gives it UPSTREAM_MAX_DELAY: it takes effect though/,
    after: 'restart',
    needs: 'systemd'
  },
  {
    what: 'a drop-in that passes variables on',
    make: 'mkdir -p /etc/systemd/system/leadmaster-central-hub.service.d && printf "[Service]\\nPassEnvironment=EDITOR\\n" >/etc/systemd/system/leadmaster-central-hub.service.d/pass.conf && systemctl daemon-reload',
    cause: /^central-hub drop-in: .*pass\.conf gives it EDITOR: the service refuses it/,
    needs: 'systemd'
  },
  {
    what: "a foreign variable in systemd's environment",
    make: 'systemctl set-environment EDITOR=vi',
    cause: /^host manager: systemd's own environment has EDITOR: .* refuse it at the next start/,
    after: 'restart',
    needs: 'systemd'
  },
  {
    what: "a variable of ours in systemd's environment",
    make: 'systemctl set-environment READY_TIMEOUT=9m',
    cause:
      /^host manager: systemd's own environment has READY_TIMEOUT: session-manager would take it/,
    needs: 'systemd'
  },
  {
    what: 'a service that may stop for longer than its unit lets it',
    make: add(manager, 'SHUTDOWN_TIMEOUT=2m'),
    cause: /^session-manager unit: SHUTDOWN_TIMEOUT is not below TimeoutStopSec=/,
    after: 'restart',
    needs: 'systemd'
  },
  {
    what: 'an environment that was refused, mended without a restart',
    make: `cp -p ${hub} ${hub}.good; ${add(hub, 'FOO=1')}; systemctl restart leadmaster-central-hub; mv ${hub}.good ${hub}`,
    cause: /^central-hub unit: not running: its environment was refused at its start/,
    needs: 'systemd'
  },

  // --- what a drop-in changes ---
  {
    ...confined('session-manager', 'User=root', 'runs as root, where Chromium refuses'),
    after: 'restart'
  },
  {
    ...confined('central-hub', 'User=root', 'runs as root, which it never needs'),
    after: 'restart'
  },
  {
    ...confined('central-hub', 'PrivateNetwork=yes', 'neither reach session-manager nor'),
    after: 'restart'
  },
  confined('session-manager', 'PrivateNetwork=yes', 'reach neither WhatsApp nor'),
  {
    ...confined('central-hub', 'IPAddressDeny=any', 'cut off from the other services'),
    after: 'restart'
  },
  confined(
    'session-manager',
    'IPAddressDeny=any\\nIPAddressAllow=localhost',
    'cannot reach WhatsApp'
  ),
  {
    ...confined('session-manager', 'RestrictNamespaces=yes', 'its sandbox consists of'),
    after: 'restart'
  },
  { ...confined('session-manager', 'LimitNOFILE=64', 'too few files'), after: 'restart' },
  { ...confined('session-manager', 'LimitFSIZE=1M', 'beyond that size'), after: 'restart' },
  {
    ...confined('central-hub', 'MemoryDenyWriteExecute=yes', 'V8 may not compile'),
    after: 'restart'
  },
  confined(
    'central-hub',
    'RestrictAddressFamilies=\\nRestrictAddressFamilies=AF_UNIX',
    'may not use AF_INET'
  ),
  confined('central-hub', 'TasksMax=8', 'too few threads'),
  confined('central-hub', 'MemoryMax=32M', 'killed for memory'),
  confined('central-hub', 'ExecStart=\\nExecStart=/bin/sleep 60', 'another program'),
  {
    what: 'a drop-in for all services of the machine',
    make: `mkdir -p /etc/systemd/system/service.d && printf '[Service]\\nPrivateNetwork=yes\\n' >/etc/systemd/system/service.d/all.conf && systemctl daemon-reload`,
    cause:
      /^session-manager drop-in: \/etc\/systemd\/system\/service\.d\/all\.conf sets PrivateNetwork=yes/,
    needs: 'systemd',
    undo: 'rm -r /etc/systemd/system/service.d && systemctl daemon-reload'
  },
  {
    what: 'a property set by systemctl',
    make: 'systemctl set-property leadmaster-central-hub IPAddressDeny=any',
    cause: /^central-hub drop-in: .*\/50-IPAddressDeny\.conf sets IPAddressDeny=/,
    needs: 'systemd'
  },
  {
    what: 'a file of variables that overrides the own one',
    make: `echo PORT=3013 >/etc/other.env; ${dropIn('central-hub', 'EnvironmentFile=/etc/other.env')}`,
    after: 'restart',
    cause:
      /^central-hub drop-in: .*made\.conf gives it \/etc\/other\.env, whose PORT counts instead/,
    needs: 'systemd'
  },
  {
    what: 'a file of variables that is not there',
    make: dropIn('central-hub', 'EnvironmentFile=/etc/gone.env'),
    after: 'restart',
    cause: /^central-hub drop-in: .*made\.conf gives it \/etc\/gone\.env, which is not there/,
    needs: 'systemd'
  },
  {
    what: 'a drop-in that drops a variable',
    make: dropIn('central-hub', 'UnsetEnvironment=HUB_API_TOKEN'),
    after: 'restart',
    cause: /^central-hub drop-in: .*made\.conf drops HUB_API_TOKEN/,
    needs: 'systemd'
  },
  {
    what: 'a drop-in that hides the state',
    make: dropIn('central-hub', 'ReadOnlyPaths=/var/lib/leadmaster/central-hub'),
    after: 'restart',
    cause: /^central-hub unit: .* drop-ins that may be why: \S+made\.conf/,
    needs: 'systemd'
  },
  {
    what: 'a drop-in with a directory that is not there',
    make: dropIn('session-manager', 'WorkingDirectory=/srv/gone'),
    after: 'restart',
    cause:
      /^session-manager unit: not running: .*its working directory cannot be entered \(exit status 200 of systemd\)/,
    needs: 'systemd'
  },

  // --- what fails again and again ---
  {
    what: 'a unit that is masked',
    make: 'systemctl stop leadmaster-central-hub && ln -sf /dev/null /etc/systemd/system/leadmaster-central-hub.service && systemctl daemon-reload',
    cause: /^central-hub unit: leadmaster-central-hub is masked/,
    needs: 'systemd'
  },
  {
    what: 'a unit that is gone',
    make: 'rm /etc/systemd/system/leadmaster-central-hub.service && systemctl daemon-reload',
    cause: /^central-hub unit: leadmaster-central-hub is not installed/,
    needs: 'systemd'
  },
  {
    what: 'a store that is damaged',
    before: 'stop',
    make: 'rm -f "$HUB_STATE"/hub.db-*; head -c 40960 /dev/urandom >"$HUB_STATE/hub.db"',
    after: 'start',
    cause:
      /^central-hub unit: not running: .* it said: .*(file is not a database|malformed|damaged)/,
    needs: 'systemd'
  },
  {
    what: 'a journal that is damaged',
    before: 'stop',
    make: 'rm -f "$MANAGER_STATE"/journal.db-*; head -c 40960 /dev/urandom >"$MANAGER_STATE/journal.db"',
    after: 'start',
    cause:
      /^session-manager unit: not running: .* it said: .*(file is not a database|malformed|damaged)/,
    needs: 'systemd'
  },
  {
    what: "a variable that is missing, and stale in systemd's environment",
    make: `systemctl set-environment SESSION_MANAGER_BASE_URL=http://127.0.0.1:3011; sed -i '/^SESSION_MANAGER_BASE_URL=/d' ${hub}`,
    after: 'restart',
    cause: /^central-hub env file: SESSION_MANAGER_BASE_URL is missing/,
    needs: 'systemd',
    undo: 'systemctl unset-environment SESSION_MANAGER_BASE_URL'
  },

  // --- names ---
  {
    what: 'a base URL by a name',
    make: `sed -i 's|^HOST=.*|HOST=0.0.0.0|' ${manager}; sed -i "s|^SESSION_MANAGER_BASE_URL=.*|SESSION_MANAGER_BASE_URL=http://$(hostname):$MANAGER_PORT|" ${hub}`,
    after: 'restart',
    cause:
      /^central-hub base URL: SESSION_MANAGER_BASE_URL=.* answers only to localhost, 127\.0\.0\.1, 0\.0\.0\.0 as its name/
  },
  {
    what: 'a base URL of every address',
    make: `sed -i "s|^SESSION_MANAGER_BASE_URL=.*|SESSION_MANAGER_BASE_URL=http://0.0.0.0:$MANAGER_PORT|" ${hub}`,
    after: 'restart',
    cause:
      /^central-hub base URL: SESSION_MANAGER_BASE_URL=http:\/\/0\.0\.0\.0:\d+, but session-manager answers only to localhost/
  }
]
