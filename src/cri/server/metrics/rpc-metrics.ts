// Counts of the requests that the server answered, by method.
import { statusName } from '../grpc/status.ts'
import type { Family } from './exposition.ts'

export interface RpcMetrics {
  began(method: string): void
  /** `code`: of gRPC, 0 is success. */
  ended(method: string, code: number, elapsedMs: number): void
  families(): Family[]
}

/** Upper bounds in seconds: from what a listing takes to a long pull. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

interface OfMethod { underWay: number; readonly codes: Map<string, number>; readonly buckets: number[]; sum: number; count: number }

export function makeRpcMetrics(): RpcMetrics {
  const methods = new Map<string, OfMethod>()
  const of = (method: string): OfMethod => {
    const known = methods.get(method)
    if (known) return known
    const fresh: OfMethod = { underWay: 0, codes: new Map(), buckets: BOUNDS.map(() => 0), sum: 0, count: 0 }
    methods.set(method, fresh)
    return fresh
  }
  return {
    began: (method) => { of(method).underWay++ },
    ended: (method, code, elapsedMs) => {
      const known = of(method)
      const [name, seconds] = [statusName(code), elapsedMs / 1000]
      known.underWay--
      known.codes.set(name, (known.codes.get(name) ?? 0) + 1)
      known.sum += seconds
      known.count++
      const bucket = BOUNDS.findIndex((bound) => seconds <= bound)
      if (bucket >= 0) known.buckets[bucket]!++
    },
    families: () => [
      {
        name: 'scow_cri_requests_total', help: 'Requests answered, by method and gRPC code.', type: 'counter',
        samples: [...methods].flatMap(([method, { codes }]) => [...codes].map(([code, value]) => ({ labels: { method, code }, value }))),
      },
      {
        name: 'scow_cri_requests_in_flight', help: 'Requests and streams under way, by method.', type: 'gauge',
        samples: [...methods].map(([method, { underWay }]) => ({ labels: { method }, value: underWay })),
      },
      {
        name: 'scow_cri_request_duration_seconds', help: 'How long requests took.', type: 'histogram',
        samples: [...methods].flatMap(([method, { buckets, sum, count }]) => {
          let below = 0
          return [
            ...BOUNDS.map((bound, index) => ({ suffix: '_bucket', labels: { method, le: String(bound) }, value: below += buckets[index]! })),
            { suffix: '_bucket', labels: { method, le: '+Inf' }, value: count }, { suffix: '_sum', labels: { method }, value: sum }, { suffix: '_count', labels: { method }, value: count },
          ]
        }),
      },
    ],
  }
}
