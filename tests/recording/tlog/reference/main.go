// Prints what Go's transparency log, its signed notes and a witness's cosignatures make of the same input, one JSON object a line.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type hashes []tlog.Hash

func (h *hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(at))
	for n, each := range at {
		found[n] = (*h)[each]
	}
	return found, nil
}

func must[T any](found T, err error) T {
	if err != nil {
		panic(err)
	}
	return found
}

func texts[H ~[32]byte](all []H) []string {
	found := []string{}
	for _, each := range all {
		found = append(found, base64.StdEncoding.EncodeToString(each[:]))
	}
	return found
}

func main() {
	out := json.NewEncoder(os.Stdout)
	kept := &hashes{}
	seed := sha256.Sum256([]byte("log"))
	key := ed25519.NewKeyFromSeed(seed[:])
	origin := "example.com/log"
	public := append([]byte{1}, key.Public().(ed25519.PublicKey)...)
	hash := sha256.Sum256(append([]byte(origin+"\n"), public...))
	secret := fmt.Sprintf("PRIVATE+KEY+%s+%x+%s", origin, hash[:4], base64.StdEncoding.EncodeToString(append([]byte{1}, seed[:]...)))
	signer := must(note.NewSigner(secret))
	vkey := fmt.Sprintf("%s+%x+%s", origin, hash[:4], base64.StdEncoding.EncodeToString(public))
	must(note.NewVerifier(vkey))
	other := sha256.Sum256([]byte("witness"))
	witness := must(torchwood.NewCosignatureSigner("witness.example/w1", ed25519.NewKeyFromSeed(other[:])))
	for size := int64(0); size < 66; size++ {
		root := must(tlog.TreeHash(size, kept))
		more := must(tlog.StoredHashes(size, []byte(fmt.Sprintf("leaf %d", size)), kept))
		text := torchwood.Checkpoint{Origin: origin, Tree: tlog.Tree{N: size, Hash: root}}.String()
		line := map[string]any{"size": size, "root": root.String(), "kept": len(*kept), "more": texts(more)}
		if size%7 == 3 {
			line["note"] = string(must(note.Sign(&note.Note{Text: text}, signer, witness)))
			line["keys"] = []string{vkey, witness.Verifier().String()}
		}
		included, grown := [][]string{}, [][]string{}
		for n := int64(0); n < size; n += 1 + size/3 {
			included = append(included, append([]string{fmt.Sprint(n)}, texts(must(tlog.ProveRecord(size, n, kept)))...))
			grown = append(grown, append([]string{fmt.Sprint(n + 1)}, texts(must(tlog.ProveTree(size, n+1, kept)))...))
		}
		line["included"], line["grown"] = included, grown
		*kept = append(*kept, more...)
		out.Encode(line)
	}
}
