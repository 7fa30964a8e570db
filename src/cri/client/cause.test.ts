import assert from 'node:assert/strict'
import test from 'node:test'
import { causeOfPull } from './cause.ts'

const causes = (image: string, words: Readonly<Record<string, RegExp>>) => {
  for (const [message, cause] of Object.entries(words)) assert.match(causeOfPull(message, image).cause, cause, message)
}

test('the words of runtimes tell why a pull failed', () => {
  const image = '127.0.0.1:5000/app:1'
  causes(image, {
    [`failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${image}: not found`]: /has no such image/,
    [`reading manifest 1 in 127.0.0.1:5000/app: manifest unknown`]: /has no such image/,
    [`failed to resolve reference "${image}": failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`]: /does not let us have it/,
    [`failed to resolve reference "${image}": unexpected status from HEAD request to http://127.0.0.1:5000/v2/app/manifests/1: 403`]: /does not let us have it/,
    [`failed to do request: Head "http://127.0.0.1:5000/v2/app/manifests/1": dial tcp 127.0.0.1:5000: i/o timeout`]: /cannot be reached/,
    [`failed to do request: Head "https://registry.example/v2/": dial tcp: lookup registry.example on 127.0.0.53:53: no such host`]: /cannot be resolved/,
    [`failed to extract layer: write /var/lib/x/bin/app: no space left on device`]: /disk of the node is full/,
    'context canceled': /^it cannot be pulled: context canceled$/,
  })
})

test('what the image and its registry are called is no cause', () => {
  causes('127.0.0.1:40191/nope:1', { 'failed to resolve reference "127.0.0.1:40191/nope:1": 127.0.0.1:40191/nope:1: not found': /has no such image/ })
  causes('workspace-denied:404', { 'pulling workspace-denied:404 from docker.io/library/workspace-denied:404: context canceled': /^it cannot be pulled: .*context canceled$/ })
  causes('registry.example/certificate/platform:1', { 'pulling registry.example/certificate/platform:1: connection refused': /cannot be reached/ })
})
