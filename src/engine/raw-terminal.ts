export { rawTerminal } from '../process/raw-terminal.ts'
