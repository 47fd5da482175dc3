//! Frames: a payload compressed, checksummed and headed.

use crate::BlockError;

const MAGIC: [u8; 2] = *b"AL";
const VERSION: u8 = 1;

/// Bytes of a frame's header.
pub(crate) const HEADER: usize = 16;

/// The most that LZ4 and Snappy can expand; zstd's checksummed length is taken at its word.
const MAX_EXPANSION: usize = 256;

/// How payloads are compressed (`spark.io.compression.codec` names the choice; the bytes are
/// ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockCompression {
    /// Not at all.
    None,
    /// LZ4 block format.
    Lz4,
    /// zstd at this level.
    Zstd(i32),
    /// Raw Snappy.
    Snappy,
}

impl BlockCompression {
    fn code(self) -> u8 {
        match self {
            BlockCompression::None => 0,
            BlockCompression::Lz4 => 1,
            BlockCompression::Zstd(_) => 2,
            BlockCompression::Snappy => 3,
        }
    }
}

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    compression: u8,
    /// Bytes that follow the header.
    pub(crate) length: usize,
    uncompressed: usize,
    checksum: u32,
}

fn number(header: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// Reads a header, of which nothing is yet proven by the checksum.
pub(crate) fn read_header(header: &[u8; HEADER]) -> Result<Header, BlockError> {
    if header[..2] != MAGIC {
        return Err(BlockError::Format("magic"));
    }
    if header[2] != VERSION {
        return Err(BlockError::Format("version"));
    }
    if header[3] > 3 {
        return Err(BlockError::Format("compression"));
    }
    Ok(Header {
        compression: header[3],
        length: number(header, 4) as usize,
        uncompressed: number(header, 8) as usize,
        checksum: number(header, 12),
    })
}

/// Makes frames. Keeps compression state and scratch memory from frame to frame.
pub struct FrameEncoder {
    compression: BlockCompression,
    zstd: Option<zstd::bulk::Compressor<'static>>,
    snappy: snap::raw::Encoder,
    scratch: Vec<u8>,
}

impl FrameEncoder {
    /// An encoder that compresses so.
    pub fn new(compression: BlockCompression) -> Result<Self, BlockError> {
        let zstd = match compression {
            BlockCompression::Zstd(level) => {
                Some(zstd::bulk::Compressor::new(level).map_err(failed)?)
            }
            _ => None,
        };
        Ok(FrameEncoder {
            compression,
            zstd,
            snappy: snap::raw::Encoder::new(),
            scratch: Vec::new(),
        })
    }

    /// Appends a frame of `payload` to `out`. A payload that compression does not shrink is
    /// stored as it is.
    pub fn encode(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), BlockError> {
        let uncompressed =
            u32::try_from(payload.len()).map_err(|_| BlockError::TooLong(payload.len()))?;
        let length = self.compress(payload)?.filter(|&n| n < payload.len());
        let (code, body) = match length {
            Some(length) => (self.compression.code(), &self.scratch[..length]),
            None => (BlockCompression::None.code(), payload),
        };
        let mut header = [0; HEADER];
        header[..2].copy_from_slice(&MAGIC);
        header[2] = VERSION;
        header[3] = code;
        header[4..8].copy_from_slice(&(body.len() as u32).to_le_bytes());
        header[8..12].copy_from_slice(&uncompressed.to_le_bytes());
        let checksum = checksum(&header, body);
        header[12..].copy_from_slice(&checksum.to_le_bytes());
        out.reserve(HEADER + body.len());
        out.extend_from_slice(&header);
        out.extend_from_slice(body);
        Ok(())
    }

    /// Compresses into the scratch memory; `None` without compression.
    fn compress(&mut self, payload: &[u8]) -> Result<Option<usize>, BlockError> {
        let bound = match self.compression {
            BlockCompression::None => return Ok(None),
            BlockCompression::Lz4 => lz4_flex::block::get_maximum_output_size(payload.len()),
            BlockCompression::Zstd(_) => zstd::zstd_safe::compress_bound(payload.len()),
            BlockCompression::Snappy => snap::raw::max_compress_len(payload.len()),
        };
        if self.scratch.len() < bound {
            self.scratch.resize(bound, 0);
        }
        let scratch = &mut self.scratch[..];
        let length = match (self.compression, &mut self.zstd) {
            (BlockCompression::Zstd(_), Some(zstd)) => {
                zstd.compress_to_buffer(payload, scratch).map_err(failed)?
            }
            (BlockCompression::Snappy, _) if bound > 0 => {
                self.snappy.compress(payload, scratch).map_err(failed)?
            }
            (BlockCompression::Lz4, _) => {
                lz4_flex::block::compress_into(payload, scratch).map_err(failed)?
            }
            _ => return Ok(None),
        };
        Ok(Some(length))
    }
}

/// The checksum of a header's first twelve bytes and what follows the header.
fn checksum(header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&header[..12]);
    hasher.update(body);
    hasher.finalize()
}

fn failed(error: impl std::fmt::Display) -> BlockError {
    BlockError::Compression(error.to_string())
}

/// Opens frames. Keeps decompression state from frame to frame.
#[derive(Default)]
pub struct FrameDecoder {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl FrameDecoder {
    /// A decoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// The payload of the first frame in `bytes`, and the bytes after it.
    pub fn decode<'a>(&mut self, bytes: &'a [u8]) -> Result<(Vec<u8>, &'a [u8]), BlockError> {
        let header = bytes.first_chunk().ok_or(BlockError::Truncated)?;
        let length = HEADER + read_header(header)?.length;
        let (frame, rest) = bytes
            .split_at_checked(length)
            .ok_or(BlockError::Truncated)?;
        Ok((self.open(frame)?, rest))
    }

    /// The payload of exactly one frame.
    pub(crate) fn open(&mut self, frame: &[u8]) -> Result<Vec<u8>, BlockError> {
        let (bytes, body) = frame.split_first_chunk().ok_or(BlockError::Truncated)?;
        let header = read_header(bytes)?;
        let found = checksum(bytes, body);
        if found != header.checksum {
            return Err(BlockError::Checksum {
                expected: header.checksum,
                found,
            });
        }
        if header.compression == BlockCompression::None.code() {
            if body.len() != header.uncompressed {
                return Err(BlockError::Damaged("lengths differ"));
            }
            return Ok(body.to_vec());
        }
        let zstd = header.compression == 2;
        if !zstd && header.uncompressed / MAX_EXPANSION > body.len() {
            return Err(BlockError::Damaged("longer than it can be"));
        }
        let mut payload = Vec::new();
        payload
            .try_reserve_exact(header.uncompressed)
            .map_err(failed)?;
        let length = if zstd {
            let zstd = match &mut self.zstd {
                Some(zstd) => zstd,
                none => none.insert(zstd::bulk::Decompressor::new().map_err(failed)?),
            };
            zstd.decompress_to_buffer(body, &mut payload)
                .map_err(failed)?
        } else {
            payload.resize(header.uncompressed, 0);
            if header.compression == 1 {
                lz4_flex::block::decompress_into(body, &mut payload).map_err(failed)?
            } else {
                snap::raw::Decoder::new()
                    .decompress(body, &mut payload)
                    .map_err(failed)?
            }
        };
        if length != header.uncompressed {
            return Err(BlockError::Damaged("lengths differ"));
        }
        Ok(payload)
    }
}
