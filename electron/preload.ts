import { contextBridge, ipcRenderer, webUtils } from 'electron';
import type { CommandParams, Result, StreamMessage } from '../src/contract/api.js';
import type { DesktopBridge } from '../src/contract/desktop.js';
import { channels } from './channels.js';

/**
 * The only door between the page and the main process. It lends named verbs, never a channel or an event object. It is
 * bundled into one CommonJS file, because the preload script of a sandboxed page can load nothing but `electron`.
 */
const bridge: DesktopBridge = {
  call: (name, params) => ipcRenderer.invoke(channels.call, name, params),

  // A port of its own for each subscription: it ends with the page, whatever happens to the page.
  subscribe(listener, from) {
    const { port1: here, port2: there } = new MessageChannel();
    here.onmessage = ({ data }: MessageEvent<StreamMessage>) => listener(data);
    ipcRenderer.postMessage(channels.subscribe, from ?? null, [there]);
    return () => here.close();
  },

  async chooseProject() {
    const result = (await ipcRenderer.invoke(channels.desktop, 'desktop.chooseProject', {})) as Result<string | null>;
    if (!result.ok) throw new Error(result.error.message);
    return result.value;
  },

  onOpenProject(listener) {
    const onMessage = (_event: unknown, project: CommandParams<'projects.open'>) => listener(project);
    ipcRenderer.on(channels.openProject, onMessage);
    ipcRenderer.send(channels.ready, null);
    return () => ipcRenderer.off(channels.openProject, onMessage);
  },
};

contextBridge.exposeInMainWorld('stepadapt', bridge);

// Files dropped anywhere on the window. A page is not told where a file lies, so this cannot be the page's part.
window.addEventListener('dragover', (event) => event.preventDefault());
window.addEventListener('drop', (event) => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length > 0) {
    ipcRenderer.send(
      channels.dropped,
      files.map((file) => webUtils.getPathForFile(file)),
    );
  }
});
