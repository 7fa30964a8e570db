export { trimMemory } from '../sys/addon.ts'
