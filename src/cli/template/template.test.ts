import assert from 'node:assert/strict'
import test from 'node:test'
import { compileTemplate } from './template.ts'
import { GoTime, NIL_MAP, goMap, struct } from './values.ts'

const DATA = struct('shop.order', {
  ID: 'abc123', Count: 3, Price: 2.5, Paid: true, Empty: '', Nothing: null,
  Names: ['one', 'two'], Labels: goMap({ b: '2', a: '1' }), None: NIL_MAP,
  Inner: struct('shop.inner', { Deep: 'well', Times: (count: number) => 'x'.repeat(count) }),
  Ports: goMap({ '80/tcp': [struct('port', { HostPort: '8080' })] }),
  Created: new GoTime('2026-01-31T10:00:00.500Z'),
}, { ID: 'Id' })
const render = (source: string): string => compileTemplate('t', source)(DATA)

const CASES: [string, string][] = [
  ['plain', 'plain'],
  ['{{.ID}} {{.Id}} {{.Count}} {{.Price}} {{.Paid}}', 'abc123 abc123 3 2.5 true'],
  ['{{.Inner.Deep}} {{.Inner.Times 3}}', 'well xxx'],
  ['{{.Names}} {{.Labels}} {{.None}} {{.Nothing}}', '[one two] map[a:1 b:2] map[] <nil>'],
  ['{{.Labels.a}} {{.Labels.z}}', '1 <no value>'],
  ['{{index .Labels "b"}}{{index .Labels "z"}}', '2'],
  ['{{(index (index .Ports "80/tcp") 0).HostPort}}', '8080'],
  ['{{range .Names}}<{{.}}>{{end}}', '<one><two>'],
  ['{{range $i, $n := .Names}}{{$i}}={{$n}};{{end}}', '0=one;1=two;'],
  ['{{range $k, $v := .Labels}}{{$k}}:{{$v}} {{end}}', 'a:1 b:2 '],
  ['{{range .None}}x{{else}}none{{end}}', 'none'],
  ['{{range .Names}}{{if eq . "two"}}{{break}}{{end}}{{.}}{{end}}', 'one'],
  ['{{range .Names}}{{if eq . "one"}}{{continue}}{{end}}{{.}}{{end}}', 'two'],
  ['{{range .Names}}{{range $.Names}}{{else}}x{{end}}{{break}}{{end}}{{range .None}}{{else}}e{{end}}', 'e'],
  ['{{$n := 0}}{{$i := 0}}{{range $i, $n = .Names}}{{end}}{{$i}}{{$n}}', '1two'],
  ['{{if .Paid}}yes{{else}}no{{end}}', 'yes'],
  ['{{if .Empty}}a{{else if .Paid}}b{{else}}c{{end}}', 'b'],
  ['{{with .Inner}}{{.Deep}}{{end}}{{with .Empty}}x{{else}}-{{end}}', 'well-'],
  ['{{$x := .ID}}{{$x}}{{$x = "n"}}{{$x}}', 'abc123n'],
  ['a {{- 1 -}} b', 'a1b'],
  ['a{{/* gone */}}b {{- /* too */ -}} c', 'abc'],
  ['{{.ID | upper | printf "%-8s|"}}', 'ABC123  |'],
  ['{{printf "%5.2f %q %x %d%% %v %t %05d" .Price "q" 255 7 .Names .Paid 42}}', ' 2.50 "q" ff 7% [one two] true 00042'],
  ['{{printf "%d %s" "a" 1}}', '%!d(string=a) %!s(int=1)'],
  ['{{printf "%s" }}{{printf "x" 1}}', '%!s(MISSING)x%!(EXTRA int=1)'],
  ['{{len .Names}}{{len .ID}}{{len .Labels}}', '262'],
  ['{{slice .ID 1 3}}', 'bc'],
  ['{{and .Paid .Count}} {{or .Empty "dflt"}} {{not .Paid}}', '3 dflt false'],
  ['{{eq .Count 1 2 3}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}', 'true true true true false true'],
  ['{{json .Names}} {{json .Labels}} {{json .None}}', '["one","two"] {"a":"1","b":"2"} null'],
  ['{{html "<a&\\">"}} {{urlquery "a b&c"}} {{js "it\'s"}}', '&lt;a&amp;&#34;&gt; a+b%26c it\\\'s'],
  ['{{define "row"}}[{{.}}]{{end}}{{template "row" .ID}}{{block "tail" .Count}}({{.}}){{end}}', '[abc123](3)'],
  ['{{println "a" 1}}', 'a 1\n'],
  ['{{print "a" 1 2 "b"}}', 'a1 2b'],
  ['{{.Created}} {{.Created.Unix}}', '2026-01-31 10:00:00.5 +0000 UTC 1769853600'],
  ['{{`raw`}} {{"\\t|"}} {{\'a\'}} {{0x10}} {{1.5}} {{true}}', 'raw \t| 97 16 1.5 true'],
  ['{{$.ID}}{{range .Names}}{{$.Count}}{{end}}', 'abc12333'],
]

for (const [source, expected] of CASES) {
  test(`renders ${source}`, () => assert.equal(render(source), expected))
}

test('joins, splits and changes case', () => assert.equal(render('{{join .Names ","}} {{split "a:b" ":"}} {{title "ab cd"}} {{lower "X"}} {{truncate "abcdef" 3}}'), 'one,two [a b] Ab Cd x abc'))

test('pads by numbers of spaces before and after', () => assert.equal(render('{{pad "x" 1 2}}|'), ' x  |'))

const ERRORS: [string, RegExp][] = [
  ['{{.Nope}}', /^template: t: executing "t" at <\.Nope>: can't evaluate field Nope in type shop\.order$/],
  ['{{.ID', /^template: t:1: unclosed action$/],
  ['{{if .ID}}', /^template: t:1: unexpected EOF$/],
  ['{{end}}', /^template: t:1: unexpected \{\{end\}\}$/],
  ['a\n{{nope .ID}}', /^template: t:2: function "nope" not defined$/],
  ['{{$x}}', /undefined variable "\$x"/],
  ['{{$x = 3}}', /undefined variable "\$x"/],
  ['{{with $x = 3}}{{end}}', /undefined variable "\$x"/],
  ['{{$a, $b := 3}}', /too many declarations in command/],
  ['{{range $a, $b, $c := .Names}}{{end}}', /too many declarations in range/],
  ['a\n{{break}}', /^template: t:2: \{\{break\}\} outside \{\{range\}\}$/],
  ['{{range .None}}{{else}}{{continue}}{{end}}', /\{\{continue\}\} outside \{\{range\}\}/],
  ['{{range .Names}}{{block "b" .}}{{break}}{{end}}{{end}}', /\{\{break\}\} outside/],
  ['{{range .Names}}{{break 3}}{{end}}', /unexpected "3" in \{\{break\}\}/],
  ['{{}}', /missing value for command/],
  ['{{"abc}}', /unterminated quoted string/],
  ['{{index .Names 9}}', /error calling index: index out of range: 9/],
  ['{{template "zzz"}}', /template "zzz" not defined/],
  ['{{define "a"}}{{template "a"}}{{end}}{{template "a"}}', /maximum template depth/],
  ['{{.ID.Foo}}', /can't evaluate field Foo in type string/],
]
for (const [source, message] of ERRORS) {
  test(`refuses ${JSON.stringify(source)}`, () => assert.throws(() => render(source), { name: 'Failure', kind: 'invalid', message }))
}
