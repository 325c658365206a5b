//! Where a form's bytes are until its upstream is sent them.

use super::Arriving;
use super::reading::Reading;
use crate::domain::refusal::{Code, Refusal};
use crate::gateway::dial::{Outgoing, outgoing as whole};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody};
use std::io::{self, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

/// So much of a temporary file is read at once, in bytes.
const PIECE: usize = 64 << 10;

#[derive(Debug)]
pub(super) enum Source {
    /// In memory, whole.
    Held(Bytes),
    /// In a file without a name, which goes when the call does.
    Spooled { file: File, length: u64 },
    /// Its beginning is in memory, the rest still on its way.
    Flowing(Box<Flowing>),
}

#[derive(Debug)]
pub(super) struct Flowing {
    begun: Bytes,
    rest: tokio::sync::Mutex<(Reading, Arriving)>,
    has_begun: AtomicBool,
    fault: Mutex<Option<Refusal>>,
}

impl Source {
    pub(super) fn flowing(begun: Bytes, reading: Reading, arriving: Arriving) -> Self {
        Self::Flowing(Box::new(Flowing {
            begun,
            rest: tokio::sync::Mutex::new((reading, arriving)),
            has_begun: AtomicBool::new(false),
            fault: Mutex::new(None),
        }))
    }

    pub(super) fn is_spent(&self) -> bool {
        matches!(self, Self::Flowing(flowing) if flowing.has_begun.load(Ordering::Acquire))
    }

    pub(super) fn fault(&self) -> Option<Refusal> {
        let Self::Flowing(flowing) = self else { return None };
        flowing.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Flowing {
    /// The next bytes of the rest, once they have been found to say nothing that they must not.
    async fn next(&self) -> io::Result<Option<Bytes>> {
        let mut rest = self.rest.lock().await;
        let (reading, arriving) = &mut *rest;
        let next = match arriving.next().await {
            Ok(Some(piece)) => reading.read(&piece).map(|()| Some(piece)),
            Ok(None) if !reading.is_over() => Err(super::unreadable("it has no end")),
            other => other,
        };
        next.map_err(|refusal| {
            let error = io::Error::new(io::ErrorKind::InvalidData, refusal.message.clone());
            // Whoever breaks off after the form's own end has sent all of it, and an upstream may have begun.
            if reading.is_over() {
                return error;
            }
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
            error
        })
    }
}

/// Writes what has arrived and all that is still to come into a temporary file. Answers with it and its length.
///
/// # Errors
/// 400 and 413 as the rest arrives; 503 where there is no room.
pub(super) async fn spool(
    begun: Bytes,
    reading: &mut Reading,
    arriving: &mut Arriving,
) -> Result<(File, u64), Refusal> {
    let no_room = |error: io::Error| {
        tracing::error!(%error, "a form could not be written to a temporary file");
        Refusal::new(Code::NoRouteAvailable, "The gateway has no room for this file now.")
    };
    let made = tokio::task::spawn_blocking(tempfile::tempfile).await.map_err(io::Error::other);
    let mut file = File::from_std(made.and_then(|made| made).map_err(no_room)?);
    let mut length = begun.len() as u64;
    file.write_all(&begun).await.map_err(no_room)?;
    while let Some(piece) = arriving.next().await? {
        reading.read(&piece)?;
        length += piece.len() as u64;
        file.write_all(&piece).await.map_err(no_room)?;
    }
    file.flush().await.map_err(no_room)?;
    Ok((file, length))
}

/// The bytes with one place in them written anew.
pub(super) fn outgoing(source: &Arc<Source>, change: Option<(Range<u64>, String)>, length: u64) -> Outgoing {
    let pieces: BoxStream<'static, io::Result<Bytes>> = match &**source {
        Source::Held(bytes) => return whole(spliced(bytes, change)),
        Source::Spooled { length, .. } => {
            let (before, text, after) = match change {
                Some((place, text)) => (0..place.start, text, place.end..*length),
                None => (0..0, String::new(), 0..*length),
            };
            let text = stream::once(async move { Ok(Bytes::from(text)) });
            of_file(source, before).chain(text).chain(of_file(source, after)).boxed()
        }
        Source::Flowing(flowing) => {
            let begun = spliced(&flowing.begun, change);
            let source = Arc::clone(source);
            let begun = {
                let source = Arc::clone(&source);
                stream::once(async move {
                    if let Source::Flowing(flowing) = &*source {
                        flowing.has_begun.store(true, Ordering::Release);
                    }
                    Ok(begun)
                })
            };
            let rest = stream::try_unfold(source, |source| async move {
                let Source::Flowing(flowing) = &*source else { return Ok(None) };
                Ok(flowing.next().await?.map(|piece| (piece, Arc::clone(&source))))
            });
            begun.chain(rest).boxed()
        }
    };
    let body = StreamBody::new(pieces.map_ok(Frame::data).map_err(Into::into)).boxed_unsync();
    Measured { body, left: length }.boxed_unsync()
}

fn spliced(bytes: &Bytes, change: Option<(Range<u64>, String)>) -> Bytes {
    let Some((place, text)) = change else { return bytes.clone() };
    // What is in memory fits the machine's own integers.
    let (start, end) = (place.start as usize, place.end as usize);
    [&bytes[..start], text.as_bytes(), &bytes[end..]].concat().into()
}

/// A part of a temporary file.
fn of_file(source: &Arc<Source>, range: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
    let begin = (Arc::clone(source), range, None);
    let pieces = stream::try_unfold(begin, |(source, range, file)| async move {
        let Source::Spooled { file: own, .. } = &*source else { return Ok(None) };
        if range.is_empty() {
            return Ok::<_, io::Error>(None);
        }
        let mut file: File = match file {
            Some(file) => file,
            None => {
                // The position is shared, so whoever reads seeks first; no two attempts read at once.
                let mut file = own.try_clone().await?;
                file.seek(SeekFrom::Start(range.start)).await?;
                file
            }
        };
        let mut piece = vec![0; PIECE.min(usize::try_from(range.end - range.start).unwrap_or(PIECE))];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        let rest = range.start + read as u64..range.end;
        Ok(Some((Bytes::from(piece), (Arc::clone(&source), rest, Some(file)))))
    });
    pieces.boxed()
}

/// A body whose length is known although it is not at hand.
struct Measured {
    body: Outgoing,
    left: u64,
}

impl Body for Measured {
    type Data = Bytes;
    type Error = <Outgoing as Body>::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.left = self.left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        polled
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
