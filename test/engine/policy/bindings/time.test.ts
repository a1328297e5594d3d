import { expect, it } from 'vitest';
import { timeBindings } from '../../../../engine/policy/bindings/time.ts';
import { fakeDeps, traceLua } from './lua-world.ts';

const run = (code: string): Promise<string[]> => traceLua([timeBindings(fakeDeps())], code);

it('takes moments apart and prints them', async () => {
  expect(
    await run(`
      local t = kumo.time.with_ymd_hms(2020, 2, 29, 13, 5, 9)
      trace(t.year, t.month, t.day, t.hour, t.minute, t.second, t.unix_timestamp, t.rfc2822, t.rfc3339, tostring(t))
      trace(t:format '%Y/%m/%d %H-%M %j %a %-d %e|%5Q', t.nothing)
      local p = kumo.time.parse_rfc3339 '2021-03-04T05:06:07.25+02:00'
      trace(p.rfc3339, p.unix_timestamp, p.unix_timestamp_millis, tostring(p))
      trace(tostring(kumo.time.parse_rfc2822 'Tue, 1 Jul 2003 10:52:37 +0200 (CEST)'), kumo.time.parse_rfc2822('1 Jul 03 10:52 EST').rfc2822)
      trace(tostring(kumo.time.from_unix_timestamp(1000000000)), tostring(kumo.time.from_unix_timestamp(-0.5)))
    `),
  ).toEqual([
    '2020 2 29 13 5 9 1582981509 Sat, 29 Feb 2020 13:05:09 +0000 2020-02-29T13:05:09+00:00 2020-02-29 13:05:09 UTC',
    '2020/02/29 13-05 060 Sat 29 29|%5Q nil',
    '2021-03-04T03:06:07.250+00:00 1614827167 1614827167250 2021-03-04 03:06:07.250 UTC',
    '2003-07-01 08:52:37 UTC Tue, 1 Jul 2003 15:52:00 +0000',
    '2001-09-09 01:46:40 UTC 1969-12-31 23:59:59.500 UTC',
  ]);
});

it('computes with spans', async () => {
  expect(
    await run(`
      local a = kumo.time.with_ymd_hms(2020, 2, 29, 13, 5, 9)
      local b = kumo.time.parse_rfc3339 '2021-03-04T03:06:07Z'
      local d = kumo.time.parse_duration '1h 30m'
      trace(tostring(b - a), (b - a).seconds, d.milliseconds, d.human, tostring(a + d), tostring(a - d))
      trace(tostring(kumo.time.parse_duration(90)), tostring(kumo.time.parse_duration(1.5)), tostring(d + d), tostring(d - d))
      trace(a == a - d + d, d == kumo.time.parse_duration(5400), a == 'x')
    `),
  ).toEqual([
    '1year 3days 8h 58s 31845658.0 5400000 1h 30m 2020-02-29 14:35:09 UTC 2020-02-29 11:35:09 UTC',
    '1m 30s 1s 500ms 3h 0s',
    'true true false',
  ]);
});

it('explains what it cannot read', async () => {
  expect(
    await run(`
      try(kumo.time.parse_rfc3339, 'yesterday')
      try(kumo.time.parse_rfc3339, '2021-13-04T05:06:07Z')
      try(kumo.time.parse_rfc3339, '2021-03-04T05:06:07Zz')
      try(kumo.time.parse_rfc3339, '2021-03-04x05:06:07Z')
      try(kumo.time.parse_duration, 'a while')
      try(kumo.time.parse_duration, '5 parsecs')
      try(kumo.time.parse_duration, '5')
      try(kumo.time.with_ymd_hms, 2021, 2, 30, 0, 0, 0)
      try(function() return kumo.time.parse_duration(1).fortnights end)
    `),
  ).toEqual([
    'error premature end of input',
    'error input is out of range',
    'error trailing input',
    'error input contains invalid characters',
    'error expected number at 0',
    'error unknown time unit "parsecs", supported units: ns, us/µs, ms, sec, min, hours, days, weeks, months, years (and few variations)',
    'error time unit needed, for example 5sec or 5ms',
    'error time cannot be represented due to a gap in local time',
    "error attempt to get an unknown field 'fortnights'",
  ]);
});

it('stops a timer once, also at the end of its scope', async () => {
  expect(
    await run(`
      local t = kumo.time.start_timer 'x'
      local first = t:done()
      trace(math.type(first), t:done())
      do local scoped <close> = kumo.time.start_timer 'y' end
    `),
  ).toEqual(['float nil']);
});
