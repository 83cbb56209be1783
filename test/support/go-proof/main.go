// Checks Daybook's proofs with the transparency log packages of the Go project, which share no code with ours.
// Reads one JSON object from standard input; writes "ok", or the first fault and exits with 1.
package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type proof struct {
	Index, Size, OldSize, NewSize int64
	Path                          []tlog.Hash
}

type input struct {
	Leaves []struct {
		EntryHex string
		LeafHash tlog.Hash
	}
	Trees []struct {
		Size int64
		Root tlog.Hash
	}
	Proofs struct{ Inclusion, Consistency []proof }
	Notes  struct {
		VerifierKey, Checkpoint string
		Object                  struct{ Note string }
	}
}

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func check(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func main() {
	var in input
	check(json.NewDecoder(os.Stdin).Decode(&in), "input")
	roots := checkTrees(in)
	for _, p := range in.Proofs.Inclusion {
		err := tlog.CheckRecord(p.Path, p.Size, roots[p.Size], p.Index, in.Leaves[p.Index].LeafHash)
		check(err, fmt.Sprintf("inclusion of %d in %d", p.Index, p.Size))
	}
	for _, p := range in.Proofs.Consistency {
		err := tlog.CheckTree(p.Path, p.NewSize, roots[p.NewSize], p.OldSize, roots[p.OldSize])
		check(err, fmt.Sprintf("consistency of %d with %d", p.OldSize, p.NewSize))
	}
	checkNotes(in)
	fmt.Println("ok")
}

// checkTrees builds the tree from the leaves' entries and compares every root.
func checkTrees(in input) map[int64]tlog.Hash {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = stored[index]
		}
		return out, nil
	})
	for i, leaf := range in.Leaves {
		entry, err := hex.DecodeString(leaf.EntryHex)
		check(err, "entry")
		if tlog.RecordHash(entry) != leaf.LeafHash {
			fail("leaf %d has another hash", i)
		}
		hashes, err := tlog.StoredHashes(int64(i), entry, reader)
		check(err, "stored hashes")
		stored = append(stored, hashes...)
	}
	roots := map[int64]tlog.Hash{}
	for _, tree := range in.Trees {
		root, err := tlog.TreeHash(tree.Size, reader)
		check(err, "tree hash")
		// The package gives no hash for the empty tree; RFC 6962 does, and we follow it.
		if tree.Size > 0 && root != tree.Root {
			fail("the tree of %d leaves has root %v, not %v", tree.Size, root, tree.Root)
		}
		roots[tree.Size] = tree.Root
	}
	return roots
}

func checkNotes(in input) {
	verifier, err := note.NewVerifier(in.Notes.VerifierKey)
	check(err, "verifier key")
	opened, err := note.Open([]byte(in.Notes.Checkpoint), note.VerifierList(verifier))
	check(err, "checkpoint note")
	lines := strings.Split(opened.Text, "\n")
	last := in.Trees[len(in.Trees)-1]
	if lines[0] != verifier.Name() || lines[1] != fmt.Sprint(last.Size) || lines[2] != last.Root.String() {
		fail("the checkpoint says %q", opened.Text)
	}
	_, err = note.Open([]byte(in.Notes.Object.Note), note.VerifierList(verifier))
	check(err, "object note")
}
