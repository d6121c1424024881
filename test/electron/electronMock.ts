import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';

/**
 * The one stand-in for the `electron` module: `vi.mock('electron', () => import('./electronMock.js'))`. It records what the main
 * process asks for and lets a test play the system's part. What a test did not prepare (a path, a dialog's answer, quitting)
 * throws. `resetElectron` makes it new.
 */

/** An event whose default can be prevented. */
export function preventable<T extends object>(
  details = {} as T,
): T & { defaultPrevented: boolean; preventDefault(): void } {
  return {
    ...details,
    defaultPrevented: false,
    preventDefault() {
      this.defaultPrevented = true;
    },
  };
}

class App extends EventEmitter {
  isPackaged = false;
  isSandboxed = false;
  isFirstInstance = true;
  mayQuit = false;
  quits = 0;
  exitCode: number | null = null;
  readonly paths = new Map<string, string>();

  getPath(name: string): string {
    const path = this.paths.get(name);
    if (path === undefined) throw new Error(`the test has no path "${name}"`);
    return path;
  }
  getAppPath = () => this.getPath('app');
  getName = () => 'StepAdapt Studio';
  setPath(name: string, path: string) {
    if (!existsSync(path)) throw new Error(`${path} is not there`);
    this.paths.set(name, path);
  }
  enableSandbox = () => void (this.isSandboxed = true);
  requestSingleInstanceLock = () => this.isFirstInstance;
  whenReady = () => Promise.resolve();
  setAppUserModelId = () => undefined;
  quit() {
    if (!this.mayQuit) throw new Error('unexpected app.quit');
    const event = preventable();
    this.emit('before-quit', event);
    if (event.defaultPrevented) return;
    this.quits += 1;
    this.emit('will-quit', preventable());
  }
  exit(code = 0) {
    if (!this.mayQuit) throw new Error('unexpected app.exit');
    this.exitCode = code;
  }
}
export const app = new App();

/** Answers that the user will give, in order; a dialog without one throws. */
class Dialogs {
  readonly answers: unknown[] = [];
  readonly asked: { kind: string; options: Record<string, unknown> }[] = [];

  #ask(kind: string, args: unknown[]) {
    this.asked.push({ kind, options: args.at(-1) as Record<string, unknown> });
    if (this.answers.length === 0) throw new Error(`unexpected dialog ${kind}: ${JSON.stringify(args.at(-1))}`);
    return this.answers.shift();
  }
  showMessageBoxSync = (...args: unknown[]) => this.#ask('message', args);
  showMessageBox = async (...args: unknown[]) => ({ response: this.#ask('message', args) });
  showOpenDialog = async (...args: unknown[]) => this.#ask('open', args);
  showErrorBox = (title: string, content: string) =>
    void this.asked.push({ kind: 'error', options: { title, content } });
}
export const dialog = new Dialogs();

type Handler = (...args: never[]) => unknown;

class MockSession extends EventEmitter {
  readonly schemes = new Map<string, (request: Request) => Promise<Response>>();
  permissionRequest:
    ((contents: unknown, permission: string, answer: (granted: boolean) => void, details: object) => void) | null =
    null;
  permissionCheck: ((contents: unknown, permission: string, origin: string) => boolean) | null = null;
  devicePermission: (() => boolean) | null = null;

  readonly protocol = {
    handle: (scheme: string, handler: (request: Request) => Promise<Response>) =>
      void this.schemes.set(scheme, handler),
  };
  setPermissionRequestHandler = (handler: MockSession['permissionRequest']) => void (this.permissionRequest = handler);
  setPermissionCheckHandler = (handler: MockSession['permissionCheck']) => void (this.permissionCheck = handler);
  setDevicePermissionHandler = (handler: MockSession['devicePermission']) => void (this.devicePermission = handler);
}
export const session = { defaultSession: new MockSession() };

export const protocol = {
  privileged: [] as { scheme: string; privileges: Record<string, boolean> }[],
  registerSchemesAsPrivileged(schemes: { scheme: string; privileges: Record<string, boolean> }[]) {
    protocol.privileged.push(...schemes);
  },
};

let frames = 0;
export interface MockFrame {
  url: string;
  parent: MockFrame | null;
  frameTreeNodeId: number;
}
export function mockFrame(url: string, parent: MockFrame | null = null): MockFrame {
  return { url, parent, frameTreeNodeId: ++frames };
}

export class MockWebContents extends EventEmitter {
  readonly sent: { channel: string; args: unknown[] }[] = [];
  readonly pressed: { type: string; keyCode: string; modifiers: string[] }[] = [];
  /** The page's end of `send`. */
  readonly page = new EventEmitter();
  readonly session = session.defaultSession;
  mainFrame = mockFrame('app://stepadapt/');
  reloads = 0;
  windowOpen: ((details: { url: string }) => { action: string }) | null = null;

  constructor() {
    super();
    app.emit('web-contents-created', {}, this);
  }
  send(channel: string, ...args: unknown[]) {
    this.sent.push({ channel, args });
    this.page.emit(channel, { sender: this }, ...structuredClone(args));
  }
  reload = () => void (this.reloads += 1);
  sendInputEvent = (event: { type: string; keyCode: string; modifiers: string[] }) => void this.pressed.push(event);
  setWindowOpenHandler = (handler: MockWebContents['windowOpen']) => void (this.windowOpen = handler);
}

interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export class BrowserWindow extends EventEmitter {
  static all: BrowserWindow[] = [];
  static getAllWindows = () => BrowserWindow.all;
  readonly webContents = new MockWebContents();
  readonly progress: { value: number; mode: string | undefined }[] = [];
  bounds: Rectangle;
  maximized = false;
  minimized = false;
  focused = false;
  shown = 0;
  url: string | null = null;

  constructor(readonly options: Rectangle & Record<string, unknown>) {
    super();
    this.bounds = { x: options.x, y: options.y, width: options.width, height: options.height };
    BrowserWindow.all.push(this);
  }
  loadURL = async (url: string) => void (this.url = url);
  show = () => void (this.shown += 1);
  focus = () => void (this.focused = true);
  isFocused = () => this.focused;
  isMinimized = () => this.minimized;
  restore = () => void (this.minimized = false);
  isMaximized = () => this.maximized;
  maximize = () => void (this.maximized = true);
  getNormalBounds = () => this.bounds;
  setProgressBar = (value: number, options?: { mode?: string }) =>
    void this.progress.push({ value, mode: options?.mode });
  close() {
    this.emit('close', preventable());
    BrowserWindow.all = BrowserWindow.all.filter((window) => window !== this);
    this.emit('closed');
    if (BrowserWindow.all.length === 0) app.emit('window-all-closed');
  }
}

export interface MockSender {
  sender: MockWebContents;
  senderFrame: MockFrame | null;
}

class IpcMain extends EventEmitter {
  readonly handlers = new Map<string, Handler>();
  handle(channel: string, handler: Handler) {
    if (this.handlers.has(channel)) throw new Error(`a second handler for ${channel}`);
    this.handlers.set(channel, handler);
  }
  /** A page's `ipcRenderer.invoke`. Values are copied, as between processes. */
  async invoke(from: MockSender, channel: string, ...args: unknown[]): Promise<unknown> {
    const handler = this.handlers.get(channel);
    if (handler === undefined) throw new Error(`no handler for ${channel}`);
    return structuredClone(await handler(...([from, ...structuredClone(args)] as never[])));
  }
  /** A page's `ipcRenderer.send` or `postMessage`. */
  deliver(from: MockSender, channel: string, args: unknown[], ports: unknown[] = []): void {
    this.emit(channel, { ...from, ports }, ...structuredClone(args));
  }
}
export const ipcMain = new IpcMain();

export const powerSaveBlocker = {
  active: new Map<number, string>(),
  started: 0,
  start(type: string): number {
    powerSaveBlocker.started += 1;
    powerSaveBlocker.active.set(powerSaveBlocker.started, type);
    return powerSaveBlocker.started;
  },
  stop(id: number): void {
    if (!powerSaveBlocker.active.delete(id)) throw new Error(`no blocker ${id}`);
  },
};

export const powerMonitor = new EventEmitter();

export class Notification extends EventEmitter {
  static shown: Notification[] = [];
  static isSupported = () => true;
  constructor(readonly options: { title: string; body: string }) {
    super();
  }
  show = () => void Notification.shown.push(this);
}

export interface MockMenuItem {
  id?: string;
  role?: string;
  label?: string;
  enabled?: boolean;
  submenu?: MockMenuItem[];
  click?: (item: unknown, window: unknown) => void;
}
/** The first item with an id or label, at any depth. */
function findItem(idOrLabel: string, items: readonly MockMenuItem[]): MockMenuItem | undefined {
  for (const item of items) {
    if (item.id === idOrLabel || item.label === idOrLabel) return item;
    const inner = findItem(idOrLabel, item.submenu ?? []);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

export const Menu = {
  current: null as MockMenuItem[] | null,
  buildFromTemplate: (template: MockMenuItem[]) => template,
  setApplicationMenu: (menu: MockMenuItem[]) => void (Menu.current = menu),
  find: (idOrLabel: string): MockMenuItem | undefined => findItem(idOrLabel, Menu.current ?? []),
};

export const screen = {
  displays: [{ id: 1, workArea: { x: 0, y: 0, width: 1920, height: 1040 } }],
  getPrimaryDisplay: () => screen.displays[0],
  getAllDisplays: () => screen.displays,
};

export const shell = {
  opened: [] as string[],
  openExternal: async (url: string) => void shell.opened.push(url),
  openPath: async (path: string) => {
    shell.opened.push(path);
    return '';
  },
};

/** "Encrypts" by turning every bit. */
const turned = (bytes: Uint8Array) => Buffer.from(bytes.map((byte) => ~byte));
export const safeStorage = {
  backend: 'gnome_libsecret',
  available: true,
  /** What the system says when it does not give a secret back. */
  refusal: null as string | null,
  shouldReEncrypt: false,
  encrypted: 0,
  getSelectedStorageBackend: () => safeStorage.backend,
  isAsyncEncryptionAvailable: async () => safeStorage.available,
  async encryptStringAsync(text: string) {
    safeStorage.encrypted += 1;
    return turned(Buffer.from(text));
  },
  async decryptStringAsync(bytes: Buffer) {
    if (safeStorage.refusal !== null) throw new Error(safeStorage.refusal);
    return { result: turned(bytes).toString(), shouldReEncrypt: safeStorage.shouldReEncrypt };
  },
};

export const nativeTheme = { themeSource: 'system' };

export function resetElectron(): void {
  app.removeAllListeners();
  Object.assign(app, {
    isPackaged: false,
    isSandboxed: false,
    isFirstInstance: true,
    mayQuit: false,
    quits: 0,
    exitCode: null,
  });
  app.paths.clear();
  dialog.answers.length = 0;
  dialog.asked.length = 0;
  session.defaultSession = new MockSession();
  protocol.privileged = [];
  BrowserWindow.all = [];
  ipcMain.removeAllListeners();
  ipcMain.handlers.clear();
  powerSaveBlocker.active.clear();
  powerSaveBlocker.started = 0;
  powerMonitor.removeAllListeners();
  Notification.shown = [];
  Menu.current = null;
  screen.displays = [{ id: 1, workArea: { x: 0, y: 0, width: 1920, height: 1040 } }];
  shell.opened = [];
  Object.assign(safeStorage, {
    backend: 'gnome_libsecret',
    available: true,
    refusal: null,
    shouldReEncrypt: false,
    encrypted: 0,
  });
  nativeTheme.themeSource = 'system';
}
