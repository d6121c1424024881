import type { DesktopBridge } from '../../src/contract/desktop.js';
import { imageUrl } from '../../src/contract/imageUrl.js';
import type { Transport } from './transport.js';

declare global {
  interface Window {
    readonly stepadapt?: DesktopBridge;
  }
}

/** The desktop's transport. The stream is a message port that lives as long as the window: it is always open. */
export function createElectronTransport(bridge: DesktopBridge): Transport {
  return {
    call: (name, params) => bridge.call(name, params),
    subscribe: (listener, from) => bridge.subscribe(listener, from),
    imageUrl,
    fileUrl: (url) => url,
    onConnection: (listener) => {
      listener('open');
      return () => undefined;
    },
    chooseProject: () => bridge.chooseProject(),
    onOpenProject: (listener) => bridge.onOpenProject(listener),
  };
}
