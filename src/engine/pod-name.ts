import type { PodRequest } from '../state/pod-record.ts'

/** What listings call a pod; the name that must be unique has its namespace and more in it. */
export const shownName = ({ kube, name }: Pick<PodRequest, 'kube' | 'name'>): string => kube?.name ?? name
