/** Files that a user gives: dropped, folders included, or chosen. */

export interface Found {
  readonly file: File;
  /** The name of the folder that it lies in, composed as Unicode's NFC has it; "" if it was given by itself. */
  readonly folder: string;
}

async function filesOf(entry: FileSystemEntry, folder: string): Promise<Found[]> {
  if (entry.isFile) {
    // One that may not be read is an empty file of that name, and is refused like one.
    const file = await new Promise<File>((resolve) => {
      (entry as FileSystemFileEntry).file(resolve, () => resolve(new File([], entry.name)));
    });
    return [{ file, folder: folder.normalize("NFC") }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const entries: FileSystemEntry[] = [];
  for (;;) {
    // A reader hands out a hundred at a time, until it has no more.
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) break;
    entries.push(...some);
  }
  const found = await Promise.all(entries.map((e) => filesOf(e, entry.name)));
  return found.flat();
}

/** All files of a drop, those below dropped folders too. */
export async function droppedFiles(event: DragEvent): Promise<readonly Found[]> {
  const entries = [...(event.dataTransfer?.items ?? [])].map((i) => i.webkitGetAsEntry()).filter((e) => e !== null);
  const found = await Promise.all(entries.map((e) => filesOf(e, "")));
  return found.flat();
}

/** The files of an input, which may be a folder's. */
export function chosenFiles(input: HTMLInputElement): readonly Found[] {
  const files = [...(input.files ?? [])];
  input.value = ""; // so that the same may be chosen again
  return files.map((file) => ({ file, folder: (file.webkitRelativePath.split("/").at(-2) ?? "").normalize("NFC") }));
}
