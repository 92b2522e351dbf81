/** A picture from a file, by dropping, by pasting, or from the webcam. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { W } from "../words.ts";
import { FileButton } from "./drop-zone.tsx";

export interface PictureInputProps {
  readonly take: (picture: ImageBitmap, name: string) => void;
}

const WRONG = { en: "This file is no picture that the browser can read:", ko: "브라우저가 읽을 수 없는 그림입니다:" };

export function PictureInput({ take }: PictureInputProps): JSX.Element {
  const { t } = useApp();
  const [problem, setProblem] = useState<string>();
  const [over, setOver] = useState(false);
  const [filming, setFilming] = useState(false);
  const read = async (file: File): Promise<void> => {
    try {
      take(await createImageBitmap(file), file.name);
      setProblem(undefined);
    } catch {
      setProblem(`${t(WRONG)} ${file.name}`);
    }
  };
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
      if (file) void read(file);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  });
  return (
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        const file = event.dataTransfer?.files[0];
        if (file) void read(file);
      }}
    >
      <div class="buttons">
        {t(W.yourPicture)}
        <FileButton name="picture" accept="image/*" label={t(W.choose)} take={([{ file }]) => void read(file)} />
      </div>
      <p class="hint">{t(W.dropHint)}</p>
      <button type="button" class="small" aria-expanded={filming} onClick={() => setFilming(!filming)}>
        {t(W.webcam)}
      </button>
      {filming && <Webcam take={(picture) => take(picture, "webcam")} />}
      {problem !== undefined && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

/** The webcam's picture, live, and a button that takes it. */
export function Webcam({
  take,
  label,
}: {
  readonly take: (picture: ImageBitmap) => void;
  readonly label?: string;
}): JSX.Element {
  const { t } = useApp();
  const video = useRef<HTMLVideoElement>(null);
  const [problem, setProblem] = useState<string>();
  useEffect(() => {
    let stream: MediaStream | undefined;
    let gone = false;
    const start = async (): Promise<void> => {
      try {
        // Over plain http there is none.
        if (!("mediaDevices" in navigator)) throw new Error("https");
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 320 } });
        if (gone) return stop();
        if (video.current) {
          video.current.srcObject = stream;
          await video.current.play();
        }
      } catch (error) {
        setProblem(error instanceof Error ? error.message : String(error));
      }
    };
    const stop = (): void => stream?.getTracks().forEach((track) => track.stop());
    void start();
    return () => {
      gone = true;
      stop();
    };
  }, []);
  if (problem !== undefined) {
    return (
      <p class="problem" role="alert">
        {t(W.noWebcam)} {problem}
      </p>
    );
  }
  return (
    <div>
      <video
        ref={video}
        muted
        playsInline
        width={160}
        height={160}
        style={{ objectFit: "cover", borderRadius: "6px" }}
      />
      <div>
        <button
          type="button"
          class="small"
          onClick={async () => {
            if (video.current && video.current.videoWidth > 0) take(await createImageBitmap(video.current));
          }}
        >
          {label ?? t(W.takePicture)}
        </button>
      </div>
    </div>
  );
}
