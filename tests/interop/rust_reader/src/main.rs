//! read_zip file|stream ARCHIVE ENTRIES: reads every byte of every entry with the zip crate, by the central directory
//! or by the local headers front to back ("-" is standard input), and checks sizes, CRC-32s and how many there are.
use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, Read};

use zip::ZipArchive;
use zip::read::{ZipFile, read_zipfile_from_stream};

type Outcome<T> = Result<T, Box<dyn Error>>;

struct Totals {
    entries: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

impl Totals {
    fn check<R: Read>(&mut self, entry: &mut ZipFile<'_, R>) -> Outcome<()> {
        let mut crc = crc32fast::Hasher::new();
        let mut size = 0;
        loop {
            let n = entry.read(&mut self.buffer)?;
            if n == 0 {
                break;
            }
            crc.update(&self.buffer[..n]);
            size += n as u64;
        }
        if size != entry.size() || crc.finalize() != entry.crc32() {
            return Err(format!("{}: size or CRC-32 differs", entry.name()).into());
        }
        if std::str::from_utf8(entry.name_raw()).is_err() {
            return Err(format!("{}: the name is not UTF-8", entry.name()).into());
        }
        if entry.enclosed_name().is_none() {
            return Err(format!("{}: not a safe path", entry.name()).into());
        }
        self.entries += 1;
        self.bytes += size;
        Ok(())
    }
}

fn read_file(path: &str, totals: &mut Totals) -> Outcome<()> {
    let mut archive = ZipArchive::new(BufReader::new(File::open(path)?))?;
    for index in 0..archive.len() {
        totals.check(&mut archive.by_index(index)?).map_err(|e| format!("entry {index}: {e}"))?;
    }
    Ok(())
}

fn read_stream(path: &str, totals: &mut Totals) -> Outcome<()> {
    let input: Box<dyn Read> = match path {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(path)?),
    };
    let mut input = BufReader::with_capacity(1 << 20, input);
    while let Some(mut entry) = read_zipfile_from_stream(&mut input)? {
        totals.check(&mut entry)?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().collect();
    let [_, mode, path, expected] = words.as_slice() else {
        return Err("usage: read_zip file|stream ARCHIVE ENTRIES".into());
    };
    let mut totals = Totals { entries: 0, bytes: 0, buffer: vec![0; 1 << 20] };
    match mode.as_str() {
        "file" => read_file(path, &mut totals)?,
        _ => read_stream(path, &mut totals)?,
    }
    if totals.entries != expected.parse()? {
        return Err(format!("has {} entries, expected {expected}", totals.entries).into());
    }
    println!("{} entries, {} bytes", totals.entries, totals.bytes);
    Ok(())
}
