import { inject, type InjectionKey } from 'vue';
import type { CommandName, CommandParams, CommandValue } from '../../src/contract/api.js';
import type { ErrorDetails } from '../../src/contract/errors.js';
import type { Transport } from './transport.js';

export const transportKey: InjectionKey<Transport> = Symbol('transport');

/** The transport the application was started with. Stores and components call it in their setup. */
export function useTransport(): Transport {
  const transport = inject(transportKey);
  if (transport === undefined) throw new Error('the application was started without a transport');
  return transport;
}

/** A command that was refused, with its words for people. */
export class CommandError extends Error implements ErrorDetails {
  readonly code: string;
  readonly hint: string;

  constructor({ code, message, hint }: ErrorDetails) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The value of a command. @throws CommandError where it was refused */
export async function ask<N extends CommandName>(
  transport: Transport,
  name: N,
  params: CommandParams<N>,
): Promise<CommandValue<N>> {
  const result = await transport.call(name, params);
  if (!result.ok) throw new CommandError(result.error);
  return result.value;
}
