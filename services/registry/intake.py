"""The consumer: reads each source's stream from where it is settled, and hands turns to the writer.

The cursor lives in the same transaction as the outcomes, not in JetStream: what was read and not committed is read
again, in order, and a consumer that somebody deletes is made anew. So the streams need no acknowledgements.
"""

import asyncio
from itertools import groupby

import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from services.registry.arrivals import Arrivals
from services.registry.deliveries import Message
from services.registry.lease import Fenced
from services.registry.source_reader import SourceReader, StreamMadeAnew
from services.registry.writer import Writer
from shared.events.subjects import ingest_stream
from shared.runtime.causes import in_public
from shared.runtime.progress import Progress
from shared.runtime.tasks import endable, ended

log = structlog.get_logger(__name__)

RETRY = 0.5
LOOK_AGAIN = 10.0
LOOK_FOR_SOURCES = 0.5


class Intake:
    """Reads all registered sources, those that are added later too."""

    def __init__(self, client: Client, writer: Writer, progress: Progress) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream()
        self._writer = writer
        self._progress = progress
        self._arrivals = Arrivals()
        self._restart: dict[str, asyncio.Event] = {}
        self._stuck: dict[str, str] = {}
        """Sources with a message that cannot be written, and why."""
        self._unreadable: dict[str, str] = {}
        """Sources whose stream cannot be read, and why."""

    async def run(self) -> None:
        """Read and write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(endable(self._write()))
            tasks.create_task(endable(self._arrivals.read_ahead(self._writer.idle)))
            while True:
                try:
                    sources = await self._writer.refresh_sources()
                except Exception as error:
                    log.warning("cannot look for new sources; trying again", error=str(error))
                    sources = {}
                for source in sources.keys() - self._restart.keys():
                    self._restart[source] = asyncio.Event()
                    tasks.create_task(endable(self._read_source(source)))
                await asyncio.sleep(LOOK_FOR_SOURCES)

    def begin_anew(self) -> None:
        """Read every source again from what is settled: the server has forgotten our consumers."""
        for restart in self._restart.values():
            restart.set()

    async def _write(self) -> None:
        while True:
            messages = await self._arrivals.take()
            try:
                async with self._progress.working():
                    await self._writer.write(messages)
                    for source in {message.source for message in messages}:
                        self._stuck.pop(source, None)
            except Exception:
                log.exception("a turn failed; going on message by message")
                await self._write_one_by_one(messages)
                self._progress.fine()  # but for what is stuck
            self._tell_who_waits()

    def _tell_who_waits(self) -> None:
        for source, problem in self._stuck.items():
            self._progress.failing(f"is stuck at {source}: {problem}")
        for source, problem in self._unreadable.items():
            self._progress.failing(f"cannot read {source}: {problem}")

    async def _write_one_by_one(self, messages: list[Message]) -> None:
        """What cannot be written holds up its own source and no other; it is read again and tried again."""
        await self._recover()
        for source, sent in groupby(sorted(messages, key=lambda each: each.source), lambda each: each.source):
            for message in sent:
                try:
                    await self._writer.write([message])
                except Exception as error:
                    log.exception("a message cannot be written", source=source, at=message.stream_sequence)
                    self._stuck[source] = f"{type(error).__name__} at stream sequence {message.stream_sequence}"
                    await self._recover()
                    self._restart[source].set()
                    break
            else:
                self._stuck.pop(source, None)

    async def _recover(self) -> None:
        """Let the writer begin anew from the tables, as soon as PostgreSQL answers."""
        while True:
            try:
                await self._writer.recover()
            except Fenced:
                raise
            except Exception as error:
                self._progress.failing(f"waits for PostgreSQL: {in_public(error)}")
                log.warning("PostgreSQL does not answer; trying again", error=repr(error))
                await asyncio.sleep(RETRY)
            else:
                return

    async def _read_source(self, source: str) -> None:
        while True:
            self._restart[source].clear()
            try:
                async with SourceReader(self._client, self._stream, source) as reader:
                    settled = self._writer.sources[source].settled
                    await reader.begin(settled + 1)
                    if self._unreadable.pop(source, None) is not None:
                        log.info("the source can be read again", source=source)
                        self._progress.fine()
                        self._tell_who_waits()
                    await self._pull(source, reader)
            except NotFoundError:
                await self._has_no_stream(source)
            except StreamMadeAnew as error:
                await self._cannot_be_read(source, str(error))
            except Exception as error:
                log.warning("reading was interrupted; beginning anew", source=source, error=repr(error))
            await asyncio.sleep(RETRY)

    async def _has_no_stream(self, source: str) -> None:
        if self._writer.sources[source].settled == 0:
            log.info("the source has no stream yet; waiting for it", source=source)
            return
        problem = (
            f"{ingest_stream(source)} is gone: start `ketnap up` again, or run the job setup of the containers, "
            "which makes it anew behind what is settled; its source publishes again what had no receipt"
        )
        await self._cannot_be_read(source, problem)

    async def _cannot_be_read(self, source: str, problem: str) -> None:
        log.error("the source cannot be read", source=source, error=problem)
        self._unreadable[source] = problem
        self._tell_who_waits()
        await asyncio.sleep(LOOK_AGAIN)

    async def _pull(self, source: str, reader: SourceReader) -> None:
        restart = asyncio.create_task(self._restart[source].wait())
        pulled: asyncio.Task[None] | None = None
        try:
            await reader.look_for_losses(self._arrivals)
            while not restart.done():
                pulled = asyncio.create_task(reader.pull(self._arrivals))
                await asyncio.wait({pulled, restart}, return_when=asyncio.FIRST_COMPLETED)
                if pulled.done():
                    await pulled
        finally:
            for task in (restart, pulled):
                if task is not None:
                    await ended(task)
