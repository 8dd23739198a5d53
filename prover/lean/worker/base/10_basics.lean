/-! Small recursive helpers in place of library functions that the interpreter cannot inline (00_header.lean). -/

def nameString : Name → String
  | .anonymous => ""
  | .str .anonymous s => s
  | .str p s => nameString p ++ "." ++ s
  | .num p n => nameString p ++ "." ++ toString n

/-- A name continued by some parts. -/
def nameOfParts : List String → Name → Name
  | [], n => n
  | s :: rest, n => nameOfParts rest (.str n s)

/-- Reads a dotted name without `«»` escapes, the form of names in the protocol and the vetting lists. -/
def parseName (s : String) : Name := nameOfParts (s.splitOn ".") .anonymous

/-- The elements of `a` in reverse order, followed by `b`. -/
def pushNames (a b : List Name) : List Name := match a with
  | [] => b
  | x :: xs => pushNames xs (x :: b)

def reverseList {α : Type} (a b : List α) : List α := match a with
  | [] => b
  | x :: xs => reverseList xs (x :: b)

/-- The children of a node in order, followed by `rest`. -/
def pushSyntax (args : Array Syntax) (rest : List Syntax) : List Syntax := go args.size rest
where
  go : Nat → List Syntax → List Syntax
    | 0, acc => acc
    | i + 1, acc => go i (args.getD i .missing :: acc)

/-- Names to be visited, each paired with whether its dependencies were visited, in front of `rest`. -/
def pushVisits : List Name → Bool → List (Name × Bool) → List (Name × Bool)
  | [], _, rest => rest
  | n :: ns, visited, rest => pushVisits ns visited ((n, visited) :: rest)

/-- The names in a list of visits, in reverse order, followed by `acc`. -/
def visitNames : List (Name × Bool) → List Name → List Name
  | [], acc => acc
  | (n, _) :: rest, acc => visitNames rest (n :: acc)

def containsName (n : Name) : List Name → Bool
  | [] => false
  | m :: rest => m == n || containsName n rest

def sameNames : List Name → List Name → Bool
  | [], [] => true
  | a :: as, b :: bs => a == b && sameNames as bs
  | _, _ => false

def hasPart (text part : String) : Bool := match text.splitOn part with
  | _ :: _ :: _ => true
  | _ => false

def insertNames (set : NameHashSet) : List Name → NameHashSet
  | [] => set
  | n :: rest => insertNames (set.insert n) rest

def joinStrings (separator : String) : List String → String → String
  | [], acc => acc
  | s :: rest, acc => joinStrings separator rest (acc ++ separator ++ s)

/-- Results of `f` for all entries of a persistent hash map, in no particular order; `PersistentHashMap.toList` would
    be specialised at every use. -/
partial def mapNodes {ν ρ : Type} (f : Name → ν → ρ) (nodes : List (PersistentHashMap.Node Name ν)) (acc : List ρ) : List ρ :=
  match nodes with
  | [] => acc
  | .collision keys values _ :: rest => mapNodes f rest (pushAll keys.toList values.toList acc)
  | .entries entries :: rest => go entries.toList rest acc
where
  pushAll : List Name → List ν → List ρ → List ρ
    | k :: ks, v :: vs, acc => pushAll ks vs (f k v :: acc)
    | _, _, acc => acc
  go (entries : List (PersistentHashMap.Entry Name ν (PersistentHashMap.Node Name ν))) (rest : List (PersistentHashMap.Node Name ν)) (acc : List ρ) : List ρ :=
    match entries with
    | [] => mapNodes f rest acc
    | .entry k v :: es => go es rest (f k v :: acc)
    | .ref node :: es => go es (node :: rest) acc
    | .null :: es => go es rest acc

/-- Constants that were added to an environment after its imports. -/
def addedConstants (env : Kernel.Environment) : List ConstantInfo :=
  mapNodes (fun _ info => info) [env.constants.map₂.root] []

/-- Constants by name: those of an environment, or those that an export claims. -/
abbrev Constants := Name → Option ConstantInfo

@[noinline] def findConstant (env : Kernel.Environment) (n : Name) : Option ConstantInfo := env.find? n

def constantsOf (env : Kernel.Environment) : Constants := fun n => findConstant env n

/-- A cache with one more entry. The entry stored last comes first, and at most `capacity` entries are kept. -/
def remember {α : Type} (capacity : Nat) (key : String) (value : α) (cache : List (String × α)) : List (String × α) :=
  (key, value) :: others (capacity - 1) cache
where
  others : Nat → List (String × α) → List (String × α)
    | 0, _ => []
    | _, [] => []
    | n + 1, (k, v) :: rest => if k == key then others (n + 1) rest else (k, v) :: others n rest

def recall {α : Type} (key : String) : List (String × α) → Option α
  | [] => none
  | (k, v) :: rest => if k == key then some v else recall key rest
