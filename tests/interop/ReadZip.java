// java ReadZip.java file|stream ARCHIVE ENTRIES: reads every byte of every entry with java.util.zip.ZipFile (by the central
// directory) or ZipInputStream (by the local headers, front to back), and checks lengths, CRC-32s and how many there are.
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Enumeration;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

public class ReadZip {
    private static final byte[] BUFFER = new byte[1 << 20];
    private static long entries;
    private static long bytes;

    public static void main(String[] args) throws IOException {
        if (args[0].equals("file")) {
            readFile(args[1]);
        } else {
            readStream(args[1]);
        }
        if (entries != Long.parseLong(args[2])) {
            throw new IOException("has " + entries + " entries, expected " + args[2]);
        }
        System.out.println(entries + " entries, " + bytes + " bytes");
    }

    private static void readFile(String path) throws IOException {
        try (ZipFile zip = new ZipFile(path)) {
            for (Enumeration<? extends ZipEntry> all = zip.entries(); all.hasMoreElements();) {
                ZipEntry entry = all.nextElement();
                try (InputStream in = zip.getInputStream(entry)) {
                    check(entry, in);
                }
            }
        }
    }

    private static void readStream(String path) throws IOException {
        try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(path), 1 << 20))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                check(entry, zip);
            }
        }
    }

    private static void check(ZipEntry entry, InputStream in) throws IOException {
        CRC32 crc = new CRC32();
        long size = 0;
        for (int n = in.read(BUFFER); n >= 0; n = in.read(BUFFER)) {
            crc.update(BUFFER, 0, n);
            size += n;
        }
        if (size != entry.getSize() || crc.getValue() != entry.getCrc()) {
            throw new IOException(entry.getName() + ": size or CRC-32 differs");
        }
        ++entries;
        bytes += size;
    }
}
