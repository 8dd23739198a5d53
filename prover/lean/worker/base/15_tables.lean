/-! A hash table. The library's hash tables are specialised at every use, from private parts that the interpreter
    lacks. -/

structure Table (κ ν : Type) where
  buckets : Array (List (κ × ν))
  size : Nat

/-- Hash and equality of keys. -/
structure Key (κ : Type) where
  hash : κ → Nat
  same : κ → κ → Bool

-- Not inlined: the WebAssembly library has no closures of its foreign functions.
@[noinline] def equalNames (a b : Name) : Bool := a == b
@[noinline] def equalExprs (a b : Expr) : Bool := a == b
@[noinline] def equalLevels (a b : Level) : Bool := a == b

def nameKey : Key Name := { hash := fun n => n.hash.toNat, same := equalNames }
def exprKey : Key Expr := { hash := fun e => e.hash.toNat, same := equalExprs }
def levelKey : Key Level := { hash := fun l => l.hash.toNat, same := equalLevels }

variable {κ ν : Type}

def Table.empty : Table κ ν := { buckets := Array.replicate 16 [], size := 0 }

def Table.bucketIndex (key : Key κ) (buckets : Nat) (k : κ) : Nat := key.hash k % buckets

def Table.find? (t : Table κ ν) (key : Key κ) (k : κ) : Option ν := go (t.buckets.getD (Table.bucketIndex key t.buckets.size k) [])
where
  go : List (κ × ν) → Option ν
    | [] => none
    | (l, v) :: rest => if key.same k l then some v else go rest

/-- Adds an entry for a key that the table lacks. -/
def Table.add (t : Table κ ν) (key : Key κ) (k : κ) (v : ν) : Table κ ν :=
  let t := if t.size < 2 * t.buckets.size then t else { t with buckets := spread (4 * t.buckets.size) t.buckets.toList (Array.replicate (4 * t.buckets.size) []) }
  { buckets := put t.buckets.size k v t.buckets, size := t.size + 1 }
where
  put (n : Nat) (k : κ) (v : ν) (buckets : Array (List (κ × ν))) : Array (List (κ × ν)) :=
    let i := Table.bucketIndex key n k
    buckets.set! i ((k, v) :: buckets.getD i [])
  spread (n : Nat) : List (List (κ × ν)) → Array (List (κ × ν)) → Array (List (κ × ν))
    | [], acc => acc
    | bucket :: rest, acc => spread n rest (entries n bucket acc)
  entries (n : Nat) : List (κ × ν) → Array (List (κ × ν)) → Array (List (κ × ν))
    | [], acc => acc
    | (k, v) :: rest, acc => entries n rest (put n k v acc)

def lengthOf {α : Type} (xs : List α) (n : Nat) : Nat := match xs with
  | [] => n
  | _ :: rest => lengthOf rest (n + 1)
