package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
)

type imageFile struct {
	path string
	mode int64
	data []byte
}

// imageMain writes a one-layer image as a docker archive, without any daemon:
//
//	kubernetes-testbed image -t NAME:TAG -o OUT.tar -entrypoint /hello hello=target/.../hello etc/passwd=FILE ...
func imageMain(args []string) int {
	f := flag.NewFlagSet("image", flag.ExitOnError)
	tag := f.String("t", "", "NAME:TAG (a tag other than latest: kubelet then does not try to pull it)")
	out := f.String("o", "", "archive to write")
	entry := f.String("entrypoint", "", "program, and arguments after blanks")
	user := f.String("user", "", "UID[:GID]")
	_ = f.Parse(args)
	if *tag == "" || *out == "" {
		f.Usage()
		return 2
	}
	var files []imageFile
	for _, a := range f.Args() {
		dst, src, ok := strings.Cut(a, "=")
		if !ok {
			check(fmt.Errorf("%q: want PATH-IN-IMAGE=FILE", a))
		}
		b, err := os.ReadFile(src)
		check(err)
		st, err := os.Stat(src)
		check(err)
		mode := int64(0o644)
		if st.Mode()&0o111 != 0 {
			mode = 0o755
		}
		files = append(files, imageFile{strings.TrimPrefix(dst, "/"), mode, b})
	}
	writeImage(*out, *tag, strings.Fields(*entry), *user, files)
	return 0
}

func writeImage(out, tag string, entrypoint []string, user string, files []imageFile) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	made := map[string]bool{}
	add := func(w *tar.Writer, f imageFile) {
		check(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: f.mode, Size: int64(len(f.data))}))
		_, err := w.Write(f.data)
		check(err)
	}
	for _, f := range files {
		for i, r := range f.path {
			if d := f.path[:i]; r == '/' && !made[d] {
				made[d] = true
				check(w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: d + "/", Mode: 0o755}))
			}
		}
		add(w, f)
	}
	check(w.Close())

	diff := fmt.Sprintf("%x", sha256.Sum256(layer.Bytes()))
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": entrypoint, "User": user, "WorkingDir": "/",
			"Env": []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + diff}},
	})
	check(err)
	name := fmt.Sprintf("%x.json", sha256.Sum256(config))
	manifest, err := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{tag}, "Layers": []string{diff + ".tar"}}})
	check(err)
	var archive bytes.Buffer
	w = tar.NewWriter(&archive)
	add(w, imageFile{name, 0o644, config})
	add(w, imageFile{diff + ".tar", 0o644, layer.Bytes()})
	add(w, imageFile{"manifest.json", 0o644, manifest})
	check(w.Close())
	check(os.WriteFile(out, archive.Bytes(), 0o644))
}

// pauseProgram is what a pod sandbox runs, as a whole x86-64 ELF file of 188 bytes:
// ignore SIGCHLD (the kernel then reaps orphans), and pause for ever. containerd ends
// sandboxes with SIGKILL, so there is nothing else to do.
func pauseProgram() []byte {
	code := []byte{
		0xb8, 13, 0, 0, 0, // mov eax, SYS_rt_sigaction
		0xbf, 17, 0, 0, 0, // mov edi, SIGCHLD
		0x48, 0x8d, 0x35, 19, 0, 0, 0, // lea rsi, [rip+19] (the data below)
		0x31, 0xd2, // xor edx, edx
		0x41, 0xba, 8, 0, 0, 0, // mov r10d, 8
		0x0f, 0x05, // syscall
		0xb8, 34, 0, 0, 0, // again: mov eax, SYS_pause
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp again
		1, 0, 0, 0, 0, 0, 0, 0, // struct sigaction: SIG_IGN, no flags, no mask
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	}
	const base, headers = 0x400000, 64 + 56
	size := uint64(headers + len(code))
	b := []byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	le := binary.LittleEndian
	for _, v := range []uint16{2, 62} { // executable, x86-64
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1)
	for _, v := range []uint64{base + headers, 64, 0} { // entry, program headers, section headers
		b = le.AppendUint64(b, v)
	}
	b = le.AppendUint32(b, 0)
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	b = le.AppendUint32(b, 1) // PT_LOAD
	b = le.AppendUint32(b, 5) // read, execute
	for _, v := range []uint64{0, base, base, size, size, 0x1000} {
		b = le.AppendUint64(b, v)
	}
	return append(b, code...)
}
