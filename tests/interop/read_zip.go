// read_zip ARCHIVE ENTRIES: Go's archive/zip reads every byte of every entry; checks sizes, CRC-32s, names and how many
// there are.

// Names that could leave the target folder are errors (from Go 1.20 on):
//go:debug zipinsecurepath=0

package main

import (
	"archive/zip"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"unicode/utf8"
)

func isASCII(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func check(file *zip.File, buffer []byte) (int64, error) {
	marked := file.Flags&0x800 != 0 // NonUTF8 is set for ASCII names with '~', too
	if !utf8.ValidString(file.Name) || (!marked && !isASCII(file.Name)) {
		return 0, fmt.Errorf("the name is not UTF-8, or not marked as such")
	}
	body, err := file.Open()
	if err != nil {
		return 0, err
	}
	defer body.Close()
	crc := crc32.NewIEEE()
	size, err := io.CopyBuffer(crc, body, buffer)
	if err != nil {
		return 0, err
	}
	if uint64(size) != file.UncompressedSize64 || crc.Sum32() != file.CRC32 {
		return 0, fmt.Errorf("size or CRC-32 differs")
	}
	return size, nil
}

func read(path string, expected int) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer archive.Close()
	if len(archive.File) != expected {
		return fmt.Errorf("has %d entries, expected %d", len(archive.File), expected)
	}
	buffer := make([]byte, 1<<20)
	bytes := int64(0)
	for _, file := range archive.File {
		size, err := check(file, buffer)
		if err != nil {
			return fmt.Errorf("%q: %w", file.Name, err)
		}
		bytes += size
	}
	fmt.Printf("%d entries, %d bytes\n", len(archive.File), bytes)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: read_zip ARCHIVE ENTRIES")
		os.Exit(2)
	}
	expected, err := strconv.Atoi(os.Args[2])
	if err == nil {
		err = read(os.Args[1], expected)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
